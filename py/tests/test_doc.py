"""Every public thing is documented, and every example runs."""

import doctest
import inspect
from collections.abc import Iterator

import pytest
import twincast
from conftest import small_hub


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    seen = set()
    for name in ["", *twincast.__all__]:
        thing = getattr(twincast, name) if name else twincast
        if isinstance(thing, str):
            continue
        for test in finder.find(thing, name or "twincast", module=False, globs={}):
            if test.examples and test.name not in seen:
                seen.add(test.name)
                yield test


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: str(example.name))
def test_examples(example: doctest.DocTest) -> None:
    with small_hub() as hub:
        example.globs = {"twincast": twincast, "hub": hub}
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        said: list[str] = []
        runner.run(example, out=said.append)
        assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_everything_is_documented() -> None:
    for name in twincast.__all__:
        thing = getattr(twincast, name)
        if not inspect.isclass(thing):
            continue
        assert thing.__doc__, name
        for member, value in vars(thing).items():
            if not member.startswith("_") and (callable(value) or inspect.isdatadescriptor(value)):
                assert value.__doc__, f"{name}.{member}"


def test_there_are_examples() -> None:
    names = {test.name for test in examples()}
    assert {"Hub.select", "Hub.schedule_method", "Selection", "Table", "Job"} <= names
