"""What was measured of the system chosen: over HTTP, or from this machine's own database. Both give the same values."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from ..engine.handle import Workflow
    from ..engine.local import Local
    from ..store import Database
    from .system import Handle, System

Value = TypeVar("Value")
BASELINES: Mapping[str, timedelta | None] = {"before": None, "day": timedelta(days=1), "week": timedelta(days=7)}
"""How long before it the window began that is compared with; None: as long as it is."""


class Question(NamedTuple):
    """What to look at."""

    window: timedelta
    groups: Sequence[str]
    where: Mapping[str, str]
    project: str | None
    baseline: str | None = None
    baseline_version: str | None = None


def performance(system: System, question: Question) -> dict[str, Any]:
    """What `GET /performance` answers.

    Raises:
        ParameterError: results cannot be told apart so.
    """
    if system.is_remote:
        return system.performance(
            window_s=int(question.window.total_seconds()), group=[*question.groups], project=question.project,
            baseline=question.baseline, baseline_version=question.baseline_version, limit=10_000, **question.where,
        )  # fmt: skip
    return _here(system, lambda database: _performance(system, database, question))


def costs(system: System, window: timedelta, by: Sequence[str], project: str | None) -> list[dict[str, Any]]:
    """The groups that `GET /costs` answers."""
    if system.is_remote:
        query = {"window_s": int(window.total_seconds()), "group": [*by], "project": project, "limit": 10_000}
        groups: list[dict[str, Any]] = system.costs(**query)["groups"]
        return groups
    return _here(system, lambda database: _costs(system, database, window, by, project))


def diagnosis(system: System, workflow: Handle) -> dict[str, Any]:
    """What `GET /workflows/{id}/performance` answers."""
    if workflow.is_remote:
        return workflow.performance()
    assert not system.is_remote
    return _here(system, lambda database: _diagnosis(workflow, database))


def metrics(system: System, project: str | None) -> list[dict[str, Any]]:
    """What `GET /metrics` answers as JSON, histograms apart."""
    if system.is_remote:
        return [each for each in system.metrics() if each["kind"] != "histogram"]
    return _here(system, lambda database: _metrics(database, project))


def _here(local: Local, ask: Callable[[Database], Awaitable[Value]]) -> Value:
    """An answer from this machine's own database."""
    from ..store import connect

    async def answer() -> Value:
        async with await connect(local.database_url, encryption=local.settings.at_rest) as database:
            return await ask(database)

    return asyncio.run(answer())


async def _performance(local: Local, database: Database, question: Question) -> dict[str, Any]:
    from ..monitoring.performance import Performance, Window
    from ..monitoring.samples import Samples

    now = datetime.now(UTC)
    projects = None if question.project is None else (question.project,)
    window = Window(now - question.window, now, question.where, projects)
    then = None
    if question.baseline_version is not None:
        then = replace(window, where={**question.where, "version": question.baseline_version})
    elif question.baseline is not None:
        shift = BASELINES[question.baseline] or question.window
        then = replace(window, since=window.since - shift, until=window.until - shift)
    reader = Performance(Samples(database, local.settings))
    groups = [asdict(each) for each in await reader.groups(window, question.groups, then)]
    ended = [asdict(each) for each in await reader.ended(window)]
    used = asdict(await reader.utilisation(window))
    return {"since": window.since, "until": window.until, "ended": ended, "utilisation": used, "groups": groups}


async def _costs(
    local: Local, database: Database, window: timedelta, by: Sequence[str], project: str | None
) -> list[dict[str, Any]]:
    from ..monitoring.costs import costs
    from ..monitoring.samples import Samples

    now, projects = datetime.now(UTC), None if project is None else (project,)
    found = await costs(Samples(database, local.settings), by, projects=projects, since=now - window, until=now)
    return [asdict(each) for each in found]


async def _diagnosis(workflow: Workflow, database: Database) -> dict[str, Any]:
    from ..monitoring.critical import Diagnoses
    from ..store.performance import WorkflowTimes

    view = workflow.view()
    now = None if view.status.is_at_rest else time.time()
    found = await Diagnoses(WorkflowTimes(database)).of(view.id, view.plan, view.created_at.timestamp(), now)
    return {
        "path": [each._asdict() for each in found.path],
        "advice": found.advice,
        "stragglers": [each._asdict() for each in found.stragglers],
        "skewed": [each._asdict() for each in found.skewed],
        "forecast": found.forecast and found.forecast._asdict(),
    }


async def _metrics(database: Database, project: str | None) -> list[dict[str, Any]]:
    from ..monitoring.families import Buckets, families
    from ..monitoring.standing import Standing

    stand = await Standing(database).look()
    return [
        {
            "name": family.metric.name,
            "kind": family.metric.kind,
            "samples": [
                {"labels": dict(zip(family.metric.labels, labels, strict=True)), "value": value}
                for labels, value in family.values.items()
                if not isinstance(value, Buckets)
            ],
        }
        for family in families(stand, None if project is None else (project,))
    ]
