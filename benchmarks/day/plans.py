"""The work that people submit."""

from __future__ import annotations

import base64
import time
from typing import Any

import eopiez_ray as ez


@ez.phase(version="1")
def square(number: int) -> int:
    """A little arithmetic."""
    return number * number


@ez.phase(version="1", kind="reduce")
def total(numbers: ez.Partitions[int]) -> int:
    """The sum of all."""
    return sum(numbers)


@ez.phase(version="1")
def wait(number: int) -> int:
    """Takes a while, but no CPU."""
    time.sleep(0.05)
    return number


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=1))
def fail(number: int) -> int:
    """Fails, and says so."""
    print(f"cannot stand {number}")
    raise ValueError(f"{number} is not wanted")


def quick(numbers: list[int]) -> dict[str, Any]:
    """Squares, and their sum in the step ``total``."""
    plan = ez.Plan("squares")
    plan.step("total", total, plan.step("square", square, plan.values("numbers", numbers)))
    return sent(plan)


def lengthy(numbers: list[int]) -> dict[str, Any]:
    """The sum of numbers, each after a while, in the step ``total``."""
    plan = ez.Plan("lengthy")
    plan.step("total", total, plan.step("wait", wait, plan.values("numbers", numbers)))
    return sent(plan)


def failing(numbers: list[int]) -> dict[str, Any]:
    """Work that cannot succeed."""
    plan = ez.Plan("failing")
    plan.step("fail", fail, plan.values("numbers", numbers))
    return sent(plan)


def sent(plan: ez.Plan) -> dict[str, Any]:
    """A plan with its code, as it is sent."""
    code = {digest: base64.b64encode(each).decode() for digest, each in plan.code().items()}
    return {"spec": plan.spec().to_value(), "code": code}
