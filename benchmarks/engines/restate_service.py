"""The service of ``restate.py``, as hypercorn serves it."""

from __future__ import annotations

from typing import Any

import common
import restate

TASKS = {"fib10": common.fib10, "fib33": common.fib33, "noop": common.noop}
service = restate.Service("Bench")


@service.handler()
async def in_sequence(ctx: restate.Context, wanted: dict[str, Any]) -> int:
    """Steps one after the other, each of them journalled."""
    last = 0
    for number in range(wanted["count"]):
        last = await ctx.run_typed(f"step {number}", TASKS[wanted["task"]])
    return last


@service.handler()
async def one(_ctx: restate.Context, wanted: dict[str, Any]) -> int:
    """One task of a fan-out, in either of the two processes."""
    return TASKS[wanted["task"]]()


@service.handler()
async def in_parallel(ctx: restate.Context, wanted: dict[str, Any]) -> int:
    """A call of the service for each task, all at once."""
    calls = [ctx.service_call(one, wanted) for _ in range(wanted["count"])]
    await restate.gather(*calls)
    return len(calls)


app = restate.app(services=[service])
