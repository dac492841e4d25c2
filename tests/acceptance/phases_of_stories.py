"""Phases that people of the stories send; workers get them by value."""

from __future__ import annotations

import time
from pathlib import Path

import eopiez_ray as ez


@ez.phase(version="1")
def slow(number: int, folder: str) -> int:
    with (Path(folder) / "runs").open("a") as file:
        file.write(f"{number}\n")
    time.sleep(0.25)
    return number * number


@ez.phase(version="1", kind="reduce")
def total(numbers: ez.Partitions[int]) -> int:
    return sum(numbers)


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=1))
def picky(number: int) -> int:
    if number == 3:
        raise ValueError(f"{number} is no number for me")
    return number


@ez.phase(version="1")
def greeting(name: str) -> str:
    return f"Dear {name}, " * 500


def slow_plan(count: int, folder: Path) -> ez.Plan:
    plan = ez.Plan("slow")
    plan.step("total", total, plan.step("slow", slow, plan.values("numbers", list(range(count))), folder=str(folder)))
    return plan


def picky_plan() -> ez.Plan:
    plan = ez.Plan("picky")
    plan.step("picky", picky, plan.values("numbers", list(range(5))))
    return plan


def greeting_plan(name: str) -> ez.Plan:
    plan = ez.Plan("greetings")
    plan.step("greet", greeting, plan.values("names", [name]))
    return plan
