"""Brings changes into a repository as they come: WAL of the embedded server, and files that are new.

pg_receivewal writes WAL into a folder of ours; each round takes what is there, then the files that this may refer to,
and ships the files first: a moment that the WAL reaches has all its artifacts.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..home import make_file, make_folder
from ..logs import get_logger
from ..store.backups import SLOT
from ..store.programs import program
from .stream import (
    HISTORY,
    PAGE_BYTES,
    PARTIAL,
    SEGMENT,
    SEGMENT_NAME,
    is_part,
    part_name,
    part_number,
    part_offset,
    used,
)
from .trees import Fresh, LocalTree, trees_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .manifest import Manifest, StoredFile
    from .packer import Packer
    from .repository import Repository
    from .system import Source

STOP_S = 10.0
MOST_PARTS = 64
"""Parts of a segment after which all of it is shipped anew."""

log = get_logger(__name__)


class Receiver:
    """pg_receivewal, which writes the server's WAL into a folder while it runs."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = make_folder(folder)
        self._log = folder.with_name("receiver.log")
        self._command = [
            program("pg_receivewal"), f"--dbname={url}", f"--directory={folder}", f"--slot={SLOT}",
            "--no-loop", "--no-password", "--status-interval=1",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._told = ""
        """What it last said at its end."""

    def keep_up(self) -> None:
        """Start it, unless it runs; what has ended it is said once."""
        if self._process is not None and self._process.poll() is not None:
            self._tell_end(self._process.returncode)
            self._process = None
        if self._process is None:
            with make_file(self._log).open("wb") as output:
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _tell_end(self, code: int) -> None:
        words = self._log.read_text(errors="replace").strip()
        if words != self._told:
            log.warning("pg_receivewal has ended, and is started again", code=code, words=words)
        self._told = words

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Captured(NamedTuple):
    """WAL as it was found."""

    name: str
    """Of a segment or a history."""
    content: bytes
    is_partial: bool


class Growing(NamedTuple):
    """What was shipped of the segment that is being written."""

    segment: str
    end: int
    page: bytes
    """Its last page, which may have been half full."""
    parts: tuple[str, ...]


def grown(repository: Repository, stream: str) -> Growing:
    """What was shipped of the newest segment by whoever was here before."""
    parts = sorted(filter(is_part, repository.segments(stream)))
    if not parts:
        return Growing("", 0, b"", ())
    segment = parts[-1][:SEGMENT_NAME]
    own = tuple(part for part in parts if part.startswith(segment))
    end = max(part_offset(part) + len(repository.segment(stream, part)) for part in own)
    return Growing(segment, end, b"", own)


class Shipper:
    """Ships what is new, round by round. Not for several threads."""

    def __init__(
        self,
        source: Source,
        repository: Repository,
        stream: str,
        packer: Packer,
        last: Manifest | None,
        held: Mapping[str, Mapping[str, StoredFile]],
    ) -> None:
        """
        Args:
            source: the system.
            repository: where to.
            stream: the stream's name.
            packer: stores files.
            last: the latest backup of the stream.
            held: files that the repository has, by tree and path.
        """
        self._repository, self._stream, self._packer = repository, stream, packer
        self._wal = source.folder / "wal"
        self._trees = {
            name: (tree, Fresh(tree)) for name, tree in trees_of(source.settings).items() if isinstance(tree, LocalTree)
        }
        self._held = {name: dict(held.get(name, {})) for name in self._trees}
        self._growing = grown(repository, stream)
        self._part = max(map(part_number, self._growing.parts), default=0) + 1
        self._note = repository.next_note(stream, last)

    def ship(self) -> int:
        """Ship what is new, and give the bytes of WAL that it took.

        Raises:
            BackupError: the repository cannot be written.
        """
        captured = self._captured()
        self._ship_files()
        return sum(map(self._ship_wal, captured))

    def _captured(self) -> list[Captured]:
        found = []
        for path in sorted(self._wal.iterdir()):
            name = path.name.removesuffix(PARTIAL)
            if SEGMENT.fullmatch(name) or HISTORY.fullmatch(name):
                try:
                    found.append(Captured(name, path.read_bytes(), path.name != name))
                except FileNotFoundError:  # It has just been completed: its whole comes in the next round.
                    continue
        return found

    def _ship_files(self) -> None:
        new: dict[str, list[StoredFile]] = {}
        for name, (tree, fresh) in self._trees.items():
            held = self._held[name]
            stored = self._packer.files(tree, held, fresh.entries())
            new[name] = [file for file in stored if held.get(file.path) is not file]
            held.update({file.path: file for file in new[name]})
        if any(new.values()):
            self._repository.put_files(self._stream, self._note, {name: files for name, files in new.items() if files})
            self._note += 1

    def _ship_wal(self, captured: Captured) -> int:
        if captured.is_partial:
            return self._ship_part(captured)
        size = self._repository.put_segment(self._stream, captured.name, captured.content)
        (self._wal / captured.name).unlink()
        self._drop(part for part in self._growing.parts if part.startswith(captured.name))
        return size

    def _ship_part(self, captured: Captured) -> int:
        """Ship what has come to the segment that is being written: all of it now and then, so that parts stay few."""
        shipped, end = self._growing, used(captured.content)
        is_known = shipped.segment == captured.name
        if is_known and (end < shipped.end or captured.content[max(shipped.end - PAGE_BYTES, 0) : end] == shipped.page):
            return 0  # Nothing new; or pg_receivewal has begun again, and is not there yet.
        is_anew = not is_known or len(shipped.parts) >= MOST_PARTS
        begin = 0 if is_anew else max(shipped.end - PAGE_BYTES, 0)
        name = part_name(captured.name, self._part, begin)
        size = self._repository.put_segment(self._stream, name, captured.content[begin:end])
        self._part += 1
        if is_anew and is_known:
            self._drop(shipped.parts)
        parts = (name,) if is_anew else (*shipped.parts, name)
        self._growing = Growing(captured.name, end, captured.content[max(end - PAGE_BYTES, 0) : end], parts)
        return size

    def _drop(self, parts: Iterable[str]) -> None:
        for part in parts:
            self._repository.forget_segment(self._stream, part)
