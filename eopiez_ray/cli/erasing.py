"""What ``eopiez erase`` asks of this machine's system, or of the gateway of one elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..errors import ParameterError
from ..model.erasure import Scope
from ..model.status import WorkflowStatus
from .asking import Facts, ask, ask_all
from .operating import on_database
from .system import is_elsewhere, open_system
from .terminal import counted, err

if TYPE_CHECKING:
    from ..engine.erasing import Eraser
    from ..model.erasure import Found
    from ..settings import Settings
    from ..store import Database
    from ..store.erasing import Progress

LOOK_S = 0.5
MOST_ELSEWHERE = 1000
"""Ids that a gateway lists."""
WHY = "to be erased"


class Wanted(NamedTuple):
    """What is to be erased."""

    scope: Scope
    target: str
    """The project, the workflow, or the value."""
    project: str | None = None
    """Where a value is looked for; None for everywhere."""


class Look(NamedTuple):
    """What would go."""

    workflows: list[str]
    """The first of them."""
    uploads: list[str]
    workflow_count: int
    upload_count: int
    at_work_count: int
    """How many of the workflows are under way."""
    facts: Facts
    """All that is known of it, for programs."""


class Done(NamedTuple):
    """What has gone."""

    id: str
    counts: Mapping[str, int]
    digests: str
    """SHA-256 over the digests of all results that have gone, in hexadecimal."""


class Erasing(Protocol):
    """Looks first, then erases."""

    def look(self, wanted: Wanted) -> Look:
        """What would go."""
        ...

    def cancel(self, wanted: Wanted, look: Look) -> None:
        """Ask all of it that is under way to end."""
        ...

    def carry_out(self, wanted: Wanted) -> Done:
        """Erase it for good."""
        ...

    def erasures(self) -> list[Facts]:
        """Erasures so far, the newest first."""
        ...


def erasing_of_system() -> Erasing:
    """Of the system chosen."""
    return Elsewhere() if is_elsewhere() else Here()


def end_all(erasing: Erasing, wanted: Wanted) -> None:
    """Cancel all of it that is under way, and wait until it has ended."""
    while (look := erasing.look(wanted)).at_work_count:
        erasing.cancel(wanted, look)
        err().print(f"Waiting for {counted(look.at_work_count, 'workflow')} to end.", end="\r")
        time.sleep(LOOK_S)


class Here:
    """The database of this machine's system, and its files."""

    def look(self, wanted: Wanted) -> Look:
        """What would go."""
        found = on_database(lambda database, settings: _find(wanted, database, settings))
        workflows, uploads = map(str, found.workflows), map(str, found.uploads)
        counts = len(found.workflows), len(found.uploads), len(found.at_work)
        return Look([*workflows], [*uploads], *counts, asdict(found))

    def cancel(self, wanted: Wanted, look: Look) -> None:
        """Ask all of it that is under way to end."""
        from ..model.requests import Request, Selection

        async def work(database: Database, settings: Settings) -> None:
            from ..model.ids import WorkflowId
            from ..store import Workflows

            found = await _find(wanted, database, settings)
            ids = tuple(map(WorkflowId, found.at_work))
            if ids:
                await Workflows(database).cancel_all(Selection(ids=ids), Request(why=WHY))

        on_database(work)

    def carry_out(self, wanted: Wanted) -> Done:
        """Erase it for good."""

        async def work(database: Database, settings: Settings) -> Progress:
            from ..gateway.identity.operator import ACTOR

            eraser = eraser_of(database, settings)
            return await eraser.carry_out(await eraser.begin(await _find(wanted, database, settings), ACTOR))

        progress = on_database(work)
        return Done(str(progress.id), progress.counts, progress.digests_hash.hex())

    def erasures(self) -> list[Facts]:
        """Erasures so far, the newest first."""

        async def work(database: Database, _settings: Settings) -> list[Facts]:
            from ..store.erasing import Erasures

            return [asdict(view) for view in await Erasures(database).page()]

        return on_database(work)


class Elsewhere:
    """By way of a gateway, which erases project by project."""

    def look(self, wanted: Wanted) -> Look:
        """What would go."""
        path, body = self._named(wanted)
        found = ask("POST", f"{path}/preview", body)
        counts = found["workflow_count"], found["upload_count"], found["at_work_count"]
        return Look(found["workflows"], found["uploads"], *counts, found)

    def cancel(self, wanted: Wanted, look: Look) -> None:
        """Ask all of it that is under way to end."""
        if wanted.scope is not Scope.PROJECT and look.workflow_count > MOST_ELSEWHERE:
            raise ParameterError("these are too many to be cancelled by the way; cancel them first")
        under_way = [status for status in WorkflowStatus if not status.is_at_rest]
        ids = {} if wanted.scope is Scope.PROJECT else {"ids": look.workflows}
        project = {"project": wanted.target} if wanted.scope is Scope.PROJECT else {}
        ask("POST", "workflows/cancel", {**ids, "statuses": under_way, "why": WHY}, **project)

    def carry_out(self, wanted: Wanted) -> Done:
        """Erase it for good, and wait until it is gone."""
        path, body = self._named(wanted)
        begun = ask("POST", path, body)
        while begun["finished_at"] is None:
            time.sleep(LOOK_S)
            begun = next(each for each in ask_all(path, most=50) if each["id"] == begun["id"])
        return Done(begun["id"], begun["counts"], begun["digests_hash"])

    def erasures(self) -> list[Facts]:
        """Erasures of the projects that one administers, the newest first."""
        projects = [each["name"] for each in ask("GET", "projects")["items"]]
        found = [each for project in projects for each in ask_all(f"projects/{project}/erasures")]
        return sorted(found, key=lambda each: str(each["requested_at"]), reverse=True)

    def _named(self, wanted: Wanted) -> tuple[str, Facts]:
        """The path of the project's erasures, and what is to be erased."""
        if wanted.scope is Scope.PROJECT:
            return f"projects/{wanted.target}/erasures", {"scope": wanted.scope}
        if wanted.scope is Scope.WORKFLOW:
            with open_system() as system:
                view = system.workflow(wanted.target).view()
            return f"projects/{view.project}/erasures", {"scope": wanted.scope, "workflow": str(view.id)}
        if wanted.project is None:
            raise ParameterError("on a system elsewhere, a value is erased from one project: name it by --project")
        return f"projects/{wanted.project}/erasures", {"scope": wanted.scope, "value": wanted.target}


def eraser_of(database: Database, settings: Settings) -> Eraser:
    """The eraser of this machine's system."""
    from ..engine.artifacts import Artifacts
    from ..engine.erasing import Eraser

    return Eraser(database, Artifacts(settings.artifacts, database.vault.keys), settings)


async def _find(wanted: Wanted, database: Database, settings: Settings) -> Found:
    from ..store import Workflows

    eraser = eraser_of(database, settings)
    if wanted.scope is Scope.PROJECT:
        return await eraser.find_project(wanted.target)
    if wanted.scope is Scope.WORKFLOW:
        return await eraser.find_workflow(await Workflows(database).resolve(wanted.target))
    return await eraser.find_subject(wanted.target, wanted.project)
