"""The audit log's rows, and the chain that makes a change to them visible.

Each row's hash is the SHA-256 of the hash before it and of the row in canonical form: a JSON array of its fields in the
order of an export, up to ``details``, with sorted keys, no spaces, ASCII alone, and times in UTC with microseconds. The
first row follows 32 zero bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

ORIGIN = bytes(32)
"""What the first row follows."""


class Outcome(StrEnum):
    """What became of an action."""

    DONE = "done"
    REFUSED = "refused"
    """Not allowed, or the credentials did not hold."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what, on what, from where, and what became of it."""

    action: str
    """``noun.verb``, such as ``session.create``."""
    result: Outcome = Outcome.DONE
    actor: str = ""
    """The login name; empty for whoever is unknown."""
    actor_id: UUID | None = None
    object: str = ""
    """The id or name of what it is about."""
    project: str = ""
    address: str = ""
    request_id: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Link:
    """An entry in its place in the chain."""

    seq: int
    entry: Entry
    previous: bytes
    hash: bytes

    def to_value(self) -> dict[str, Any]:
        """The row as others can verify it; hashes in hexadecimal."""
        return _facts(self.seq, self.entry) | {"previous": self.previous.hex(), "hash": self.hash.hex()}


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain."""

    seq: int = 0
    hash: bytes = ORIGIN


class Fault(StrEnum):
    """What can be wrong with the chain."""

    MISSING = "a row is missing before this one"
    REORDERED = "it does not follow the row before it"
    CHANGED = "it was changed"
    CUT = "the rows from here to the anchored head were cut off, or replaced"


@dataclass(frozen=True, slots=True)
class Finding:
    """A place where the chain is broken."""

    seq: int
    fault: Fault

    def __str__(self) -> str:
        return f"row {self.seq:,}: {self.fault}"


def linked(entries: Iterable[Entry], head: Head) -> list[Link]:
    """The entries as the next rows of a chain."""
    links: list[Link] = []
    for entry in entries:
        seq = head.seq + 1
        links.append(Link(seq, entry, head.hash, _hash(head.hash, seq, entry)))
        head = Head(seq, links[-1].hash)
    return links


def verified(links: Iterable[Link], head: Head = Head()) -> Iterator[Finding]:
    """What is wrong with rows that should follow ``head``; after a finding, the row is taken as it is."""
    for link in links:
        if link.seq != head.seq + 1:
            yield Finding(link.seq, Fault.MISSING)
        elif link.previous != head.hash:
            yield Finding(link.seq, Fault.REORDERED)
        if link.hash != _hash(link.previous, link.seq, link.entry):
            yield Finding(link.seq, Fault.CHANGED)
        head = Head(link.seq, link.hash)


def _hash(previous: bytes, seq: int, entry: Entry) -> bytes:
    facts = list(_facts(seq, entry).values())
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(previous + text.encode("ascii")).digest()


def _facts(seq: int, entry: Entry) -> dict[str, Any]:
    """What a hash covers, in this order."""
    return {
        "seq": seq,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "actor_id": None if entry.actor_id is None else str(entry.actor_id),
        "action": entry.action,
        "object": entry.object,
        "project": entry.project,
        "address": entry.address,
        "result": entry.result.value,
        "request_id": entry.request_id,
        "details": dict(entry.details),
    }
