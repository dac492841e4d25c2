"""What a backup consists of, as values and as the JSON that is kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

BASE, INCREMENT, DUMP = "base", "increment", "dump"
"""A database as its server's files, as what has changed in them since another backup, or as pg_dump has it."""
STARTED = "%Y%m%dT%H%M%SZ"
"""How backups are named: by the moment in UTC at which they began."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a tree, and the objects that hold it, in order."""

    path: str
    size: int
    mtime_ns: int
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatabaseCopy:
    """The database, and the objects that hold it: a tar file of its server's files, or a dump in custom format."""

    kind: str
    objects: tuple[str, ...]
    size: int
    server: int
    """The server's major version."""
    parent: str | None = None
    """The backup that an increment builds on."""
    contents: tuple[str, ...] = ()
    """The objects of Postgres's own manifest, which the next increment needs."""
    segment: str = ""
    """The first segment of WAL that recovery needs."""
    stream: str | None = None
    """The stream of WAL that goes on from here, if one was kept."""
    first_note: int = 0
    """The first of the stream's notes of files that may say what is not in the backup."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup."""

    id: str
    started_at: datetime
    finished_at: datetime
    """The moment whose state it holds lies between the two."""
    program: str
    """The version of eopiez that made it."""
    schema: int
    database: DatabaseCopy
    trees: dict[str, tuple[StoredFile, ...]] = field(default_factory=dict)
    """Files by tree: ``artifacts``, ``shared`` and ``home``."""
    new_bytes: int = 0
    """What it has added to the repository."""
    took_s: float = 0.0

    @property
    def size(self) -> int:
        """Bytes that it holds, before compression; an increment counts with what has changed alone."""
        return self.database.size + sum(file.size for files in self.trees.values() for file in files)

    @property
    def files(self) -> int:
        """How many files its trees have."""
        return sum(map(len, self.trees.values()))

    def objects(self) -> set[str]:
        """All objects that it needs, those of its parents apart."""
        held = {name for files in self.trees.values() for file in files for name in file.objects}
        return held | {*self.database.objects, *self.database.contents}

    def to_bytes(self) -> bytes:
        """As JSON."""
        value = asdict(self)
        value |= {"started_at": self.started_at.isoformat(), "finished_at": self.finished_at.isoformat()}
        value["trees"] = {tree: [to_row(file) for file in files] for tree, files in self.trees.items()}
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> Manifest:
        """From JSON.

        Raises:
            ValueError, KeyError, TypeError: it is not the JSON of a manifest.
        """
        value: dict[str, Any] = json.loads(text)
        database = value.pop("database")
        database |= {name: tuple(database[name]) for name in ("objects", "contents")}
        trees = {tree: tuple(map(from_row, rows)) for tree, rows in value.pop("trees").items()}
        for name in ("started_at", "finished_at"):
            value[name] = datetime.fromisoformat(value[name])
        return cls(database=DatabaseCopy(**database), trees=trees, **value)


def to_row(file: StoredFile) -> list[Any]:
    """A file as a row of JSON."""
    return [file.path, file.size, file.mtime_ns, *file.objects]


def from_row(row: list[Any]) -> StoredFile:
    """A file from its row."""
    path, size, mtime_ns, *objects = row
    return StoredFile(path, size, mtime_ns, tuple(objects))


def started(backup: str) -> datetime:
    """When a backup began, to the second, by its id."""
    return datetime.strptime(backup[:16], STARTED).replace(tzinfo=UTC)


def new_id(taken: set[str]) -> str:
    """The name of a backup that begins now."""
    at = datetime.now(UTC).strftime(STARTED)
    return next(name for number in range(len(taken) + 1) if (name := f"{at}-{number}" if number else at) not in taken)
