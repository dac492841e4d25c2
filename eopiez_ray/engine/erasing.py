"""Finds what is to be erased, and erases it: rows, then the artifacts and folders that only they named."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from ..errors import ParameterError
from ..home import delete_below
from ..model.audit import Entry
from ..model.erasure import Found, Scope
from ..model.ids import WorkflowId
from ..store.audit import AuditLog
from ..store.backups import BackupDesk
from ..store.erasing import FILES, Erasures, Progress
from ..store.projects import Projects
from ..store.uploads import Uploads, UploadView
from ..store.workflows import Workflows
from .holding import Holder

if TYPE_CHECKING:
    from ..settings import Settings
    from ..store import Database
    from .artifacts import Artifacts

SHORTEST_VALUE = 4
"""Characters of a value that is looked for: a shorter one would be found everywhere."""
SUBJECT = "a data subject"
"""In place of the value itself, which nothing should keep."""
RENEWED_S = 60.0
"""Seconds for which an artifact that was written, or found to exist, is left alone while anything is at work: a task
writes its result before its row is committed."""
WAIT_S = 5.0


class Eraser:
    """Erases for good."""

    def __init__(self, database: Database, artifacts: Artifacts, settings: Settings) -> None:
        self._database, self._artifacts = database, artifacts
        self._root = settings.shared_folder
        self._erasures, self._workflows = Erasures(database), Workflows(database)

    async def find_project(self, project: str) -> Found:
        """What a project has.

        Raises:
            ProjectNotFoundError: there is no such project.
        """
        await Projects(self._database).get(project)
        held = await self._erasures.workflows_of(project)
        uploads = tuple(await self._erasures.uploads_of(project))
        at_work = tuple(key for key, status in held.items() if not status.is_at_rest)
        return Found(Scope.PROJECT, project, project, tuple(held), uploads, at_work=at_work)

    async def find_workflow(self, workflow: WorkflowId) -> Found:
        """What a workflow has.

        Raises:
            WorkflowNotFoundError: there is no such workflow.
        """
        view = await self._workflows.get(workflow)
        at_work = () if view.status.is_at_rest else (workflow,)
        return Found(Scope.WORKFLOW, str(workflow), view.project, (workflow,), (), at_work=at_work)

    async def find_subject(self, value: str, project: str | None = None) -> Found:
        """Workflows, uploads and lines that hold a value, whatever the case, in one project or in all.

        Raises:
            ParameterError: the value is too short to tell anybody.
        """
        if len(value.strip()) < SHORTEST_VALUE:
            raise ParameterError(f"the value is {value!r}; give {SHORTEST_VALUE} characters or more")
        holder = Holder(self._database, self._artifacts, value)
        statuses = await self._erasures.workflows_of(project)
        found = [key for key in statuses if await holder.holds(WorkflowId(key))]
        uploads = [view.id for view in await self._uploads(project) if await holder.holds_file(self._file(view))]
        lines = tuple(await holder.lines()) if project is None else ()
        at_work = tuple(key for key in found if not statuses[key].is_at_rest)
        return Found(Scope.SUBJECT, SUBJECT, project or "", tuple(found), tuple(uploads), lines, at_work)

    async def begin(self, found: Found, requested_by: str) -> UUID:
        """Write down what is to go, and who asked, in the audit log as well; gives the erasure's id.

        Raises:
            ErasureWaitsError: some of it is under way.
        """
        erasure = await self._erasures.begin(found, requested_by)
        await self._record("erasure.begin", requested_by, erasure, found.scope, found.target, found.project, {})
        return erasure

    async def carry_out(self, erasure: UUID) -> Progress:
        """Erase it, or what is left of it, to the end.

        Raises:
            ErasureWaitsError: a workflow of it was retried since, and is under way.
        """
        while True:
            progress = await self._erasures.next_part(erasure)
            await self._delete_files(progress)
            if not progress.workflows and not progress.uploads:
                break
        while (progress := await self._erasures.next_part(erasure)).artifacts:
            await asyncio.sleep(WAIT_S)
            await self._delete_files(progress)
        if progress.scope is Scope.PROJECT:
            await self._erasures.shred(progress.target)
        await self._certify(progress)
        return progress

    async def resume(self) -> int:
        """Carry out what was begun and not ended; gives how many erasures that were. Errors as in ``carry_out``."""
        left = await self._erasures.unfinished()
        for erasure in left:
            await self.carry_out(erasure)
        return len(left)

    async def _certify(self, progress: Progress) -> None:
        if progress.is_finished:
            return
        told = {name: str(count) for name, count in progress.counts.items()}
        certificate = told | {"sha256 of digests": progress.digests_hash.hex()}
        facts = progress.id, progress.scope, progress.target, progress.project
        await self._record("erasure.complete", progress.requested_by, *facts, certificate)
        await self._erasures.finish(progress.id)

    async def _record(
        self, action: str, actor: str, erasure: UUID, scope: Scope, target: str, project: str, facts: dict[str, str]
    ) -> None:
        details = {"scope": scope.value, "target": target} | facts
        entry = Entry(action, actor=actor, object=str(erasure), project=project, details=details)
        await AuditLog(self._database).append([entry])

    async def _delete_files(self, progress: Progress) -> None:
        """Delete what nothing refers to any more; artifacts that a task may just have found to exist stay for now."""
        for start in range(0, len(progress.artifacts), FILES):
            digests = progress.artifacts[start : start + FILES]
            free = await self._erasures.unreferenced(digests)
            before = time.time() - (RENEWED_S if await self._erasures.is_anything_at_work() else 0.0)
            async with BackupDesk(self._database).none_at_work():
                gone, young = await asyncio.to_thread(self._artifacts.discard, free, before)
            done = [digest for digest in digests if digest not in young]
            await self._erasures.note_deleted(progress.id, done, (), gone)
        if progress.folders:
            for folder in progress.folders:
                await asyncio.to_thread(delete_below, self._root, folder)
            await self._erasures.note_deleted(progress.id, (), progress.folders, 0)

    async def _uploads(self, project: str | None) -> list[UploadView]:
        held, before = list[UploadView](), None
        uploads = Uploads(self._database)
        while page := await uploads.page(None if project is None else (project,), before, FILES):
            held += page
            before = page[-1].id
        return held

    def _file(self, upload: UploadView) -> Path:
        folder = self._root / "uploads" / upload.project / str(upload.id)
        return next((path for path in sorted(folder.glob("*")) if not path.name.startswith(".")), folder / "missing")
