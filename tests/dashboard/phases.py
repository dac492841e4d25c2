"""Phases that the dashboard's workflows are made of; what they say is hostile, as users' texts may be."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

import eopiez_ray as ez

HOSTILE = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>{{7*7}}"


@ez.phase(version="1")
def length(word: str) -> int:
    print(f"the word is {word}")
    return len(word)


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=1))
def fail(word: str) -> int:
    raise ValueError(f"no length for {word}")


@ez.phase(version="1")
def rows(count: int) -> list[dict[str, object]]:
    return [{"number": each, "square": each * each, "text": HOSTILE} for each in range(count)]


@ez.phase(version="1")
def scale(number: int, factor: int = 2, note: str = "") -> int:
    return number * factor


@ez.phase(version="1")
def choosy(word: str) -> int:
    for number in range(5):
        reason = "too long" if number % 2 else HOSTILE
        ez.current_task().reject(f"{word}.csv, row {number}", reason, HOSTILE)
    return 1


@ez.phase(version="1")
def drawn(word: str) -> bytes:
    """A picture of 32 by 16 pixels."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (32, 16), "teal").save(out, "PNG" if word == "png" else "JPEG")
    return out.getvalue()


@ez.phase(version="1")
def grid(count: int) -> np.ndarray[Any, Any]:
    return np.arange(count * 3, dtype=np.float32).reshape(count, 3)


def lengths(*words: str, name: str = "lengths") -> ez.Plan:
    plan = ez.Plan(name)
    plan.step("length", length, plan.values("words", list(words)))
    return plan


def failing(name: str = "failing", word: str = HOSTILE) -> ez.Plan:
    plan = ez.Plan(name)
    plan.step("fail", fail, plan.values("words", [word]))
    return plan


def tables() -> ez.Plan:
    plan = ez.Plan("tables")
    plan.step("rows", rows, plan.values("counts", [3]))
    return plan


def scaled(factor: int, name: str = "scaled") -> ez.Plan:
    """A plan that fails before its last step, which can therefore be changed."""
    plan = ez.Plan(name)
    failed = plan.step("fail", fail, plan.values("words", ["a"]))
    plan.step("scale", scale, failed, factor=factor, note=HOSTILE)
    return plan


def rejecting() -> ez.Plan:
    plan = ez.Plan("rejecting")
    plan.step("choosy", choosy, plan.values("words", ["a", "b"]))
    return plan


def shown() -> ez.Plan:
    """A plan with pictures and arrays."""
    plan = ez.Plan("shown")
    plan.step("drawn", drawn, plan.values("kinds", ["png", "jpeg"]))
    plan.step("grid", grid, plan.values("counts", [4]))
    return plan
