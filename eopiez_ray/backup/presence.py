"""Who is at work in a repository: nothing is swept away while somebody may be about to refer to it.

Each writer leaves a file with the moment until which it counts, and renews it. Whoever sweeps asks for all others to be
gone, and those who come while it sweeps wait.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from ..errors import EopiezError, RepositoryBusyError
from ..logs import get_logger

if TYPE_CHECKING:
    from .repository import Repository

LEASE_S, RENEW_S = 300.0, 60.0
"""Seconds for which a writer counts, and after which it says so again. Clocks of machines may differ by minutes."""
WAIT_S, POLL_S = 600.0, 2.0
"""Seconds that a writer waits for a sweep to end."""
WRITER, SWEEPER = "writer", "sweeper"

log = get_logger(__name__)


@contextmanager
def present(repository: Repository) -> Iterator[str]:
    """Be known as a writer, by the name given, while the block lasts, once no sweep is under way.

    Raises:
        RepositoryBusyError: one does not end.
    """
    with _known(repository, WRITER) as mine:
        deadline = time.monotonic() + WAIT_S
        while SWEEPER in _others(repository).values():
            if time.monotonic() > deadline:
                raise RepositoryBusyError(f"the backups at {repository.place.url} have been pruned for too long")
            time.sleep(POLL_S)
        yield mine


@contextmanager
def alone(repository: Repository, besides: str = "") -> Iterator[None]:
    """Be known as the one who sweeps while the block lasts, besides being known as the writer of that name.

    Raises:
        RepositoryBusyError: somebody else is at work there.
    """
    with _known(repository, SWEEPER) as mine:
        others = {name: kind for name, kind in _others(repository).items() if name not in {mine, besides}}
        if others:
            raise RepositoryBusyError(
                f"somebody else is at work on the backups at {repository.place.url}; try again when they have ended "
                f"(whoever was killed counts for {LEASE_S / 60:.0f} minutes)"
            )
        yield


@contextmanager
def _known(repository: Repository, kind: str) -> Iterator[str]:
    name, ended = uuid4().hex, threading.Event()
    _say(repository, name, kind)
    thread = threading.Thread(target=_keep_saying, args=(repository, name, kind, ended), daemon=True)
    thread.start()
    try:
        yield name
    finally:
        ended.set()
        thread.join()
        repository.place.delete(f"writers/{name}")


def _say(repository: Repository, name: str, kind: str) -> None:
    until = time.time() + LEASE_S
    repository.place.write(f"writers/{name}", json.dumps({"kind": kind, "until": until}).encode())


def _keep_saying(repository: Repository, name: str, kind: str, ended: threading.Event) -> None:
    while not ended.wait(RENEW_S):
        try:
            _say(repository, name, kind)
        except EopiezError as error:  # Whatever else is written there fails as well, and says so.
            log.warning("cannot renew the note of being at work", error=str(error))


def _others(repository: Repository) -> dict[str, str]:
    """Who counts now, and what they do."""
    found = {}
    for each in repository.place.list("writers"):
        try:
            note = json.loads(repository.place.read(each.name))
        except (OSError, ValueError):  # It has just ended.
            continue
        if note["until"] > time.time():
            found[each.name.rpartition("/")[2]] = note["kind"]
    return found
