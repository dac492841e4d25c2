"""Looks for a value in everything that workflows hold, after it is decrypted.

What can be found is the value as it is written, whatever the case, in UTF-8: in plans and their given values, labels,
results, lines, errors, rejected rows and uploads. What is compressed, packed into an archive, split, or written in
another way or encoding is not found.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..encryption.files import MAGIC_BYTES, is_sealed_file
from ..encryption.streams import buffered
from ..errors import ArtifactMissingError, EncryptionError
from ..model.log_lines import LineFilter, Part
from ..store.log_lines import LogLines
from ..store.workflows import PAGE, Workflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.ids import WorkflowId
    from ..model.views import WorkflowView
    from ..store import Database
    from .artifacts import Artifacts

WINDOW = 2**22
"""Bytes that are searched at once."""


class Holder:
    """Looks for one value."""

    def __init__(self, database: Database, artifacts: Artifacts, value: str) -> None:
        self._workflows, self._lines = Workflows(database), LogLines(database)
        self._artifacts, self._value = artifacts, value.lower()
        self._sought = value.lower().encode()
        self._escaped = json.dumps(value)[1:-1].lower().encode()
        """As it is written in JSON, in ASCII."""

    async def holds(self, workflow: WorkflowId) -> bool:
        """Whether a workflow holds the value anywhere."""
        view = await self._workflows.get(workflow)
        if self._is_in(
            view.spec_json, repr(dict(view.labels)), view.name, view.owner, repr(view.error), repr(view.request)
        ):
            return True
        return await self._is_said(workflow) or await self._is_given(view) or await self._is_a_result(view)

    async def holds_file(self, path: Path) -> bool:
        """Whether an upload holds it; one that is missing or cannot be decrypted does not."""
        return await asyncio.to_thread(self._is_in_file, path)

    async def lines(self) -> list[int]:
        """Lines of the system's own log that hold it."""
        found, last, where = list[int](), 0, LineFilter(text=None)
        while page := await self._lines.after(where, last, PAGE):
            found += [
                line.id for line in page
                if line.part is not Part.TASK and self._is_in(line.message, json.dumps(line.fields, ensure_ascii=False))
            ]  # fmt: skip
            last = page[-1].id
        return found

    async def _is_said(self, workflow: WorkflowId) -> bool:
        """Whether it is in lines, errors, rejected rows or the history."""
        last = 0
        while page := await self._workflows.logs(workflow, last):
            if any(self._is_in(line.message) for line in page):
                return True
            last = page[-1].id
        last = 0
        while tries := await self._workflows.attempts(workflow, after=last):
            if any(self._is_in(each.message, each.traceback) for each in tries):
                return True
            last = tries[-1].id
        last = 0
        while events := await self._workflows.events(workflow, last):
            if any(self._is_in(json.dumps(each.data, ensure_ascii=False)) for each in events):
                return True
            last = events[-1].id
        rejects = await self._workflows.rejects(workflow)
        return any(self._is_in(each.source, each.reason, each.sample) for each in rejects)

    async def _is_given(self, view: WorkflowView) -> bool:
        """Whether it is in code or given values."""
        digests = {step["phase"]["digest"] for step in view.spec.get("steps", [])}
        try:
            code = await self._workflows.code(sorted(digests))
        except EncryptionError:
            return False
        return any(self._is_in_bytes(each) for each in code.values())

    async def _is_a_result(self, view: WorkflowView) -> bool:
        for position in range(len(view.step_names)):
            for output in await self._workflows.outputs(view.id, position):
                try:
                    stored = await asyncio.to_thread(self._artifacts.stored, output)
                except (ArtifactMissingError, EncryptionError):
                    continue
                if await asyncio.to_thread(self._is_in_bytes, memoryview(stored)):
                    return True
        return False

    def _is_in(self, *texts: str) -> bool:
        return any(self._value in text.lower() for text in texts)

    def _is_in_bytes(self, content: bytes | memoryview) -> bool:
        view, overlap = memoryview(content).cast("B"), max(len(self._sought), len(self._escaped))
        windows = (view[start : start + WINDOW + overlap] for start in range(0, len(view), WINDOW))
        return any(self._is_in_window(bytes(window)) for window in windows)

    def _is_in_file(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                is_sealed = is_sealed_file(file.read(MAGIC_BYTES))
                file.seek(0)
                stream: BinaryIO = buffered(file, path, self._artifacts.keys) if is_sealed else file
                return any(self._is_in_window(window) for window in self._windows(stream))
        except (FileNotFoundError, EncryptionError):
            return False

    def _windows(self, stream: BinaryIO) -> Iterator[bytes]:
        held = b""
        while piece := stream.read(WINDOW):
            yield held + piece
            held = piece[-max(len(self._sought), len(self._escaped)) :]

    def _is_in_window(self, window: bytes) -> bool:
        """Whether it is there: bytes of ASCII whatever the case, others as they were given or in small letters."""
        lowered = window.lower()
        return self._sought in lowered or self._escaped in lowered or self._sought in _lowered(window)


def _lowered(window: bytes) -> bytes:
    """Small letters of what is UTF-8; only where there is more than ASCII, since it is slow."""
    return b"" if window.isascii() else window.decode("utf-8", "replace").lower().encode()
