"""Runs of the pipeline at a gateway: what goes in, and what was found."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from uuid import UUID

from ..model.ids import WorkflowId, uuid7
from .downloading import save
from .pages import pages
from .transport import Call
from .uploading import Progress, files_in, upload
from .workflow import AsyncRemoteWorkflow
from .writing import as_json

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from .transport import Transport

INLINE_BYTES = 2 * 2**20
"""Documents up to this size travel in the request; more of them are uploaded."""
Document = str | Mapping[str, Any]
"""A text, or an object with ``text`` and perhaps ``id``, ``title``, ``time`` and ``label``."""


class ExecuteOptions(TypedDict, total=False):
    """How to run the pipeline."""

    options: Any
    """Options of the phases: nested mappings, or ``PipelineOptions``."""
    project: str
    priority: int
    labels: Mapping[str, str]
    idempotency_key: str
    """Asking again with the same key and input gives the same run; files are uploaded again all the same."""


class Themes(TypedDict, total=False):
    """Themes whose documents are asked for; -1 is none."""

    theme_before: int | Sequence[int]
    theme_after: int | Sequence[int]


class AsyncPipeline:
    """The content pipeline of a gateway."""

    def __init__(self, transport: Transport, project: str | None) -> None:
        self._transport, self._project = transport, project

    async def execute(
        self,
        documents: Iterable[Document] = (),
        *,
        files: Iterable[str | Path] = (),
        paths: Sequence[str] = (),
        urls: Sequence[str] = (),
        told: Progress | None = None,
        **how: Unpack[ExecuteOptions],
    ) -> AsyncRemoteWorkflow:
        """Analyse a collection: motifs, themes, a report, an archive. It is durable once this returns.

        Args:
            documents: texts, or objects with ``text`` and perhaps ``id``, ``title``, ``time`` and ``label``.
            files: files and folders here; they are uploaded.
            paths: files and folders there, as far as an operator has opened them.
            urls: files that the gateway downloads, from where an operator lets it.
            told: how far each upload is.
            how: options of the phases, project, priority, labels, idempotency key.

        Raises:
            UnreadableInputError: a file cannot be read.
            EopiezError: the gateway refuses.
        """
        project = how.get("project", self._project)
        uploads = [
            await upload(self._transport, path, project, told) for path in files_in([Path(each) for each in files])
        ]
        inline, more = await self._given(documents, project, told)
        body = {
            "documents": inline, "uploads": uploads + more, "paths": list(paths), "priority": how.get("priority", 0),
            "labels": dict(how.get("labels", {})), "options": as_json(how.get("options", {})),
            **({"urls": list(urls)} if urls else {}),
        }  # fmt: skip
        key = how.get("idempotency_key") or str(uuid7())
        call = Call(
            method="POST", path="pipeline/execute", query={"project": project}, body=body, is_repeatable=True,
            headers={"Idempotency-Key": key},
        )  # fmt: skip
        made = await self._transport.json(call)
        return AsyncRemoteWorkflow(self._transport, WorkflowId(UUID(made["id"])))

    async def _given(
        self, documents: Iterable[Document], project: str | None, told: Progress | None
    ) -> tuple[list[Any], list[str]]:
        """Documents for the request, or the upload that holds them if they are many."""
        rows = (as_json({"text": each} if isinstance(each, str) else each) for each in documents)
        with tempfile.NamedTemporaryFile(prefix="eopiez-", suffix=".jsonl") as file:
            for row in rows:
                file.write(json.dumps(row).encode() + b"\n")
            size = file.tell()
            file.flush()
            file.seek(0)
            if size <= INLINE_BYTES:
                return [json.loads(line) for line in file], []
            return [], [await upload(self._transport, Path(file.name), project, told, "documents.jsonl")]

    def run(self, workflow: WorkflowId | str) -> AsyncRun:
        """What a run has found."""
        return AsyncRun(self._transport, str(workflow))


class AsyncRun:
    """What a run of the pipeline has found."""

    def __init__(self, transport: Transport, workflow: str) -> None:
        self._transport, self._path = transport, f"pipeline/{workflow}"

    def themes(self) -> AsyncIterator[dict[str, Any]]:
        """Themes, the largest first."""
        return pages(self._transport, f"{self._path}/themes")

    def motifs(self) -> AsyncIterator[dict[str, Any]]:
        """Motifs, the best first."""
        return pages(self._transport, f"{self._path}/motifs")

    def documents(self, theme: int | None = None) -> AsyncIterator[dict[str, Any]]:
        """Documents with their themes, in the order of the collection; of one theme, if it is given."""
        return pages(self._transport, f"{self._path}/documents", theme=theme)

    async def search(self, query: str, limit: int = 10) -> list[dict[str, Any]]:
        """The documents closest in meaning to a query, the closest first: none if none of its words occurs.

        Args:
            query: what to find, in your own words.
            limit: documents at most, up to 100.
        """
        found = await self._transport.get(f"{self._path}/search", query=query, limit=limit)
        return list(found["items"])

    async def similar(self, document: str, limit: int = 10) -> list[dict[str, Any]]:
        """The documents closest in meaning to one of them, the closest first."""
        found = await self._transport.get(f"{self._path}/similar", document=document, limit=limit)
        return list(found["items"])

    async def tree(self) -> list[dict[str, Any]]:
        """Themes as a tree, each node before those below it; the root is the first."""
        return list((await self._transport.get(f"{self._path}/tree"))["items"])

    async def timeline(self, *, since: datetime | None = None, until: datetime | None = None) -> dict[str, Any]:
        """Documents over time by theme, and when a theme was spoken of much more than usual.

        Args:
            since: only documents of then or later; the shorter the time, the finer the intervals.
            until: only documents of before then.

        Returns:
            ``documents``, ``undated``, and ``timeline``, None if fewer than ten have a time.
        """
        return dict(await self._transport.get(f"{self._path}/timeline", since=since, until=until))

    async def disagreements(self, themes: Sequence[int] = (), limit: int = 10) -> list[dict[str, Any]]:
        """Neighbouring documents that disagree most, the worst first.

        Args:
            themes: only documents of these.
            limit: pairs at most, up to 30.
        """
        found = await self._transport.get(f"{self._path}/disagreements", theme=list(themes), limit=limit)
        return list(found["items"])

    async def compare(self, before: WorkflowId | str, by: str | None = None) -> dict[str, Any]:
        """Its themes beside those of another run: what was kept, split, merged, is gone or new; what moved.

        Args:
            before: the run to compare with, of the same project.
            by: ``documents`` or ``words``, by which themes are matched; None leaves it to the gateway.
        """
        found = await self._transport.get(f"{self._path}/comparison", before=str(before), by=by)
        return dict(found)

    def changed(
        self, before: WorkflowId | str, change: str = "moved", *, by: str | None = None, **themes: Unpack[Themes]
    ) -> AsyncIterator[dict[str, Any]]:
        """Documents that ``stayed``, ``moved``, are ``gone`` or ``new`` since another run, each with both themes.

        Args:
            before: the run to compare with, of the same project.
            change: what became of them.
            by: as for ``compare``.
            themes: only those of these themes before and after.
        """
        path = f"{self._path}/comparison/documents"
        return pages(self._transport, path, before=str(before), change=change, by=by, **themes)

    async def facts(self) -> dict[str, Any]:
        """The facts of the report."""
        call = Call(
            method="GET", path=f"{self._path}/report", headers={"Accept": "application/json"}, is_repeatable=True
        )
        found: dict[str, Any] = await self._transport.json(call)
        return found

    async def report(self, path: str | Path) -> Path:
        """Save the report, a page that needs nothing else."""
        return await save(self._transport, f"{self._path}/report", Path(path))

    async def archive(self, path: str | Path) -> Path:
        """Save the archive of all documents (``.eopz``)."""
        return await save(self._transport, f"{self._path}/archive", Path(path))

    async def table(self, name: str) -> pa.Table:
        """A whole table: documents, copies, facets, motifs, occurrences, vectors, assignments or themes."""
        import pyarrow.parquet as pq

        with tempfile.TemporaryDirectory(prefix="eopiez-") as folder:
            saved = await save(self._transport, f"{self._path}/tables/{name}", Path(folder) / "table.parquet")
            return pq.read_table(saved)
