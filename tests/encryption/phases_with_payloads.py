"""Phases that say, give, reject and fail with what nobody should read; workers get them by value."""

from __future__ import annotations

import logging

import eopiez_ray as ez

PAYLOAD = "Wilhelmine-Heringsdorf-4711"
"""What is looked for everywhere."""
NOT_AT_ONCE = ez.RetryPolicy(initial_interval_s=0.01, maximum_interval_s=0.01, maximum_attempts=2)


@ez.phase(kind="map")
def tell(value: str) -> str:
    print(f"printed {value}")
    logging.getLogger("payloads").warning("logged %s", value)
    ez.current_task().reject(f"file of {value}", f"reason of {value}", f"sample of {value}")
    return f"small {value}"


@ez.phase(kind="map")
def grow(value: str) -> str:
    return f"large {value} " * 20_000


@ez.phase(kind="reduce")
def measure(values: ez.Partitions[str]) -> int:
    return sum(map(len, values))


@ez.phase(kind="map", retry=NOT_AT_ONCE)
def fail(value: str) -> str:
    raise ValueError(f"cannot use {value}")


def telling(payload: str = PAYLOAD) -> ez.Plan:
    """Values, small and large results, lines, rejected rows."""
    plan = ez.Plan("telling")
    told = plan.step("tell", tell, plan.values("given", [payload]))
    plan.step("measure", measure, plan.step("grow", grow, told))
    return plan


def failing(payload: str = PAYLOAD) -> ez.Plan:
    """Errors of attempts and of the workflow."""
    plan = ez.Plan("failing")
    plan.step("fail", fail, plan.values("given", [payload]))
    return plan
