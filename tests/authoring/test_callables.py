"""Whatever can be called is a phase: what is bound to arguments or to an object, and objects that can be called."""

from __future__ import annotations

import functools
import operator
from collections.abc import AsyncIterator, Iterator
from typing import Any

import cloudpickle
import pytest

import eopiez_ray as ez
from eopiez_ray.errors import ParameterError, PlanError


def times(factor: int, value: int, *, extra: int = 0) -> int:
    return factor * value + extra


async def later(factor: int, value: int) -> int:
    return factor * value


def each(count: int, *, start: int = 0) -> Iterator[int]:
    yield from range(start, count)


async def each_later(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


class Times:
    """Multiplies."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, value: int, *, extra: int = 0) -> int:
        return self.factor * value + extra

    def method(self, value: int) -> int:
        return self.factor * value


class Later(Times):
    async def __call__(self, value: int) -> int:  # type: ignore[override]
        return self.factor * value


FORMS: dict[str, tuple[Any, str, str]] = {
    "partial": (functools.partial(times, 3), "times", "map"),
    "partial of a partial": (functools.partial(functools.partial(times), 3), "times", "map"),
    "partial of a class": (functools.partial(Times(3)), "Times", "map"),
    "object": (Times(3), "Times", "map"),
    "method": (Times(3).method, "method", "map"),
    "lambda": (lambda value: 3 * value, "<lambda>", "map"),
    "asynchronous partial": (functools.partial(later, 3), "later", "map"),
    "asynchronous object": (Later(3), "Later", "map"),
    "generator": (functools.partial(each), "each", "source"),
    "asynchronous generator": (functools.partial(each_later), "each_later", "source"),
}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_can_be_called_is_a_phase(form: str) -> None:
    target, name, kind = FORMS[form]
    made = ez.phase(version="1")(target)
    assert (made.name, str(made.kind)) == (name, kind)
    assert (made.policy.concurrency > 1) is ("asynchronous" in form and kind == "map")
    assert ez.phase(version="1", name="other")(target).name == "other"
    sent = cloudpickle.loads(made.code)
    if kind == "map" and "asynchronous" not in form:
        assert made(5) == sent(5) == 15
    elif form == "generator":
        assert list(made(3)) == list(sent(3)) == [0, 1, 2]


def test_its_parameters_are_checked_like_those_of_a_function() -> None:
    plan = ez.Plan("p")
    values = plan.values("v", [1])
    targets: list[Any] = [functools.partial(times, 3), Times(3)]
    for number, target in enumerate(targets):
        made = ez.phase(version="1")(target)
        plan.step(f"good {number}", made, values, extra=2)
        with pytest.raises(ParameterError, match="did you mean 'extra'"):
            plan.step("bad", made, values, extr=2)
        with pytest.raises(ParameterError, match="valid integer"):
            plan.step("bad", made, values, extra="many")


@pytest.mark.parametrize("target", [3, "text", [times]])
def test_what_cannot_be_called_is_refused(target: Any) -> None:
    with pytest.raises(PlanError, match="nor can it be called"):
        ez.phase(version="1")(target)


def test_what_says_nothing_of_its_arguments_is_refused() -> None:
    for target in (functools.partial(max), operator.itemgetter(0)):
        with pytest.raises(PlanError, match="nothing says what it takes; call it in a function of yours"):
            ez.phase(version="1")(target)


@pytest.mark.parametrize(("option", "given"), [("resources", {"cpu": 1}), ("retry", 3), ("retry", "x")])
def test_a_policy_of_another_type_is_refused(option: str, given: Any) -> None:
    said = f"write {option}=ez"
    with pytest.raises(TypeError, match=said):
        ez.phase(version="1", **{option: given})(times)
    plan = ez.Plan("p")
    step = plan.step("a", ez.phase(version="1", kind="source")(lambda: [1]))
    with pytest.raises(TypeError, match=said):
        plan.tune(step, **{option: given})
