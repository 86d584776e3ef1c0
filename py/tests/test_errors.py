"""Exceptions: what they say, how they relate, and that panics become one."""

import pickle

import pytest
import twincast
from twincast import _twincast

NAMES = [name for name in twincast.__all__ if name.endswith("Error") and name != "LineError"]


@pytest.mark.parametrize("name", NAMES)
def test_every_error_is_of_the_family(name: str) -> None:
    error = getattr(twincast, name)
    assert issubclass(error, twincast.TwincastError)
    assert error.__module__ == "twincast"
    assert error.__doc__


def test_a_bad_condition_shows_the_place(hub: twincast.Hub) -> None:
    with pytest.raises(twincast.ConditionError) as caught:
        hub.select("tags.site == 'oslo'")
    error = caught.value
    assert error.span == (10, 12)
    assert error.hint is not None
    assert error.code == 400004
    assert "^^" in str(error)
    assert f"hint: {error.hint}" in str(error)


@pytest.mark.parametrize(
    "condition",
    ["", " ", "SELECT * FROM devices", "tags.a LIKE 'x'", "tags.é = ", "(" * 500, "FOO(tags.x)"],
)
def test_bad_conditions_are_refused(hub: twincast.Hub, condition: str) -> None:
    for call in (hub.select, hub.explain):
        with pytest.raises(twincast.ConditionError):
            call(condition)


def test_errors_can_be_caught_by_kind(hub: twincast.Hub) -> None:
    with pytest.raises(LookupError):
        hub.twin("nobody")
    with pytest.raises(ValueError, match=r"\^"):
        hub.select("tags.a = ")


def test_errors_survive_pickling(hub: twincast.Hub) -> None:
    with pytest.raises(twincast.ConditionError) as caught:
        hub.select("tags.a == 1")
    back = pickle.loads(pickle.dumps(caught.value))
    assert str(back) == str(caught.value)
    assert (back.span, back.hint, back.code) == (
        caught.value.span,
        caught.value.hint,
        caught.value.code,
    )


def test_a_panic_is_an_exception(hub: twincast.Hub, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(twincast.EngineError, match="panicked: asked to"):
        _twincast._panic()
    capfd.readouterr()  # the panic's own report
    assert len(hub) == 3


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "tags.a: nan is not a JSON number"),
        (float("-inf"), "tags.a: -inf is not a JSON number"),
        (1 << 64, "tags.a: the integer does not fit 64 bits"),
        ({1: 2}, "tags.a: a key is int, not a str"),
        ({"b": [1, object()]}, r"tags.a.b\[1\]: object cannot be written"),
        (b"raw", "tags.a: bytes cannot be written"),
        ("\ud800", "tags.a: the str holds a lone surrogate"),
        ({"\ud800": 1}, "tags.a: the str holds a lone surrogate"),
    ],
)
def test_values_that_json_cannot_hold(hub: twincast.Hub, value: object, reason: str) -> None:
    with pytest.raises(twincast.ValidationError, match=reason):
        hub.update_twin("d1", {"tags": {"a": value}})


def test_a_cycle_is_refused(hub: twincast.Hub) -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(twincast.ValidationError, match="does it contain itself"):
        hub.update_twin("d1", {"tags": {"a": cycle}})


def test_numpy_numbers_are_numbers(hub: twincast.Hub) -> None:
    numpy = pytest.importorskip("numpy")
    tags = {"i": numpy.int16(7), "f": numpy.float64(1.5), "s": numpy.str_("x")}
    back = hub.update_twin("d1", {"tags": tags})["tags"]
    assert (back["i"], back["f"], back["s"]) == (7, 1.5, "x")


def test_an_index_that_changes_its_dict(hub: twincast.Hub) -> None:
    class Hostile:
        def __index__(self) -> int:
            tags.clear()
            tags.update({f"k{n}": n for n in range(50)})
            return 1

    tags: dict[str, object] = {"a": Hostile(), "b": 2}
    assert hub.update_twin("d1", {"tags": tags})["tags"]["a"] == 1
