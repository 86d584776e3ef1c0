"""Selections."""

import pytest
import twincast


def test_a_selection_counts_and_names(hub: twincast.Hub) -> None:
    selection = hub.select("tags.site = 'oslo'")
    assert len(selection) == 2
    assert selection.total == 3
    assert selection.device_ids() == ["d1", "d2"]
    assert list(selection) == ["d1", "d2"]
    assert repr(selection) == "Selection(2 of 3 devices)"
    assert not hub.select("deviceId = 'nobody'")


def test_selections_are_sets(hub: twincast.Hub) -> None:
    oslo = hub.select("tags.site = 'oslo'")
    new = hub.select("properties.reported.firmware = '1.1'")
    assert (oslo & new).device_ids() == ["d2"]
    assert (oslo | new).device_ids() == ["d1", "d2", "d3"]
    assert (oslo - new).device_ids() == ["d1"]
    with pytest.raises(TypeError):
        oslo & {"d1"}  # type: ignore[operator]


def test_selections_of_two_hubs_do_not_mix(hub: twincast.Hub) -> None:
    with twincast.Hub() as other, pytest.raises(twincast.ValidationError):
        hub.select("*") & other.select("*")


def test_a_selection_does_not_change_with_the_twins(hub: twincast.Hub) -> None:
    oslo = hub.select("tags.site = 'oslo'")
    hub.update_twin("d3", {"tags": {"site": "oslo"}})
    assert len(oslo) == 2
    assert len(hub.select("tags.site = 'oslo'")) == 3


def test_a_sample_is_some_of_the_twins(thousand: twincast.Hub) -> None:
    selection = thousand.select("tags.n < 500")
    sample = selection.sample(5)
    assert len({twin["deviceId"] for twin in sample}) == 5
    assert all(twin["tags"]["n"] < 500 for twin in sample)
    assert len(selection.sample(1000)) == 500
    assert selection.sample(0) == []


def test_ids_leave_as_arrow(hub: twincast.Hub) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    array = hub.select("tags.site = 'oslo'").to_arrow()
    assert array.type == pyarrow.string()
    assert array.to_pylist() == ["d1", "d2"]
    assert pyarrow.array(hub.select("deviceId = 'nobody'")).to_pylist() == []
    assert hub.select("deviceId = 'nobody'").to_arrow().to_pylist() == []


def test_ids_of_many_segments_leave_in_chunks() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    with twincast.Hub() as hub:
        hub.import_twins({"deviceId": f"n{n}", "tags": {"n": n}} for n in range(150_000))
        for condition in ("*", "tags.n != 7", "tags.n < 3", "tags.n >= 70000 AND tags.n < 140000"):
            selection = hub.select(condition)
            ids = selection.device_ids()
            chunks = selection.to_arrow()
            chunks.validate(full=True)
            assert chunks.to_pylist() == ids
            assert pyarrow.array(selection).to_pylist() == ids
            assert polars.Series(selection).to_list() == ids
        everything = hub.select("*").to_arrow()
        assert everything.num_chunks == 3
        first = [array.buffers()[2].address for array in everything.chunks]
        again = [array.buffers()[2].address for array in hub.select("*").to_arrow().chunks]
        assert first == again, "whole segments are not copied"
    # The ids outlive the hub.
    del hub, selection
    assert everything[149_999].as_py() == "n149999"
    # A stream that nobody reads is released as well.
    assert twincast.Hub().select("*").__arrow_c_stream__() is not None


def test_many_conditions_agree_with_python(thousand: twincast.Hub) -> None:
    for bound in range(0, 1000, 97):
        assert len(thousand.select(f"tags.n >= {bound}")) == 1000 - bound


def test_it_shows_itself_in_a_notebook(hub: twincast.Hub) -> None:
    hub.update_twin("d1", {"tags": {"note": "<script>"}})
    html = hub.select("deviceId = 'd1'")._repr_html_()
    assert "1 of 3 devices" in html
    assert "<script>" not in html


def test_an_explanation_says_what_is_done(hub: twincast.Hub) -> None:
    explanation = hub.explain("tags.site = 'oslo' AND tags.floor > 1")
    assert "tags.floor" in str(explanation)
    assert len(explanation.steps) >= 2
    assert explanation.to_dict()["steps"] == explanation.steps
    assert "<pre>" in explanation._repr_html_()


def test_an_explanation_of_a_device_says_why(hub: twincast.Hub) -> None:
    assert hub.explain_device("tags.site = 'oslo'", "d1").matches
    why = hub.explain_device("tags.site = 'bergen'", "d1")
    assert not why.matches
    assert "tags.site" in str(why)
    with pytest.raises(twincast.DeviceNotFoundError):
        hub.explain_device("*", "nobody")


def test_an_explanation_keeps_what_was_decided_before_the_scan(hub: twincast.Hub) -> None:
    explanation = hub.explain("tags.bulding = '43' AND tags.flor = 1 OR tags.floor = '1'")
    steps = {step["text"]: step for step in explanation.steps}
    assert steps["tags.flor = 1"]["hints"] == ["no twin has tags.flor; did you mean tags.floor?"]
    assert steps["tags.bulding = '43'"]["hints"] == ["no twin has tags.bulding"]
    assert steps["tags.bulding = '43'"]["method"] == "decided before the scan"
    assert "never equals a number" in steps["tags.floor = '1'"]["hints"][0]
    assert repr(explanation) == str(explanation)
    for step in steps.values():
        assert step["text"] in repr(explanation)
        assert step["text"] in explanation._repr_html_()
        for hint in step["hints"]:
            assert f"hint: {hint}" in repr(explanation)
            assert f"hint: {hint}" in explanation._repr_html_()


def test_an_explanation_of_a_device_names_types_and_slips(hub: twincast.Hub) -> None:
    why = hub.explain_device("tags.floor = '1' AND tags.flor = 1", "d1")
    hints = [hint for step in why.to_dict()["steps"] for hint in step["hints"]]
    assert sorted(hints) == [
        "no twin has tags.flor; did you mean tags.floor?",
        "tags.floor is a number; the text '1' never equals a number: write 1",
    ]
    for hint in hints:
        assert hint in repr(why)
        assert hint in why._repr_html_()
