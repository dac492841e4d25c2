"""Deletes old backups, and then what none of the others needs: objects, segments of WAL, notes of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .presence import alone
from .recovering import is_wanted
from .repository import needed
from .retention import Pruned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .manifest import Manifest
    from .repository import Repository
    from .retention import Retention


def prune(
    repository: Repository, retention: Retention, *, is_dry: bool = False, mine: str = "", stream: str | None = None
) -> Pruned:
    """Delete what need not be kept.

    Manifests go first, so that an interruption leaves objects that nobody needs, and no backup without its objects.

    Args:
        repository: where.
        retention: what is kept.
        is_dry: whether nothing is deleted, only counted.
        mine: by which name the caller is known as a writer there, if at all.
        stream: a stream that is being kept, which stays even if no backup belongs to it yet.

    Raises:
        RepositoryBusyError: somebody else is at work there.
        DamagedBackupError: a manifest cannot be read, so it is not known what is needed.
    """
    with alone(repository, besides=mine):
        manifests = repository.manifests()
        kept = retention.kept(manifests)
        old = [manifest for manifest in manifests if manifest.id not in kept]
        staying = [manifest for manifest in manifests if manifest.id in kept]
        if not is_dry:
            for manifest in reversed(old):  # What builds on others goes before them.
                repository.withdraw(manifest.id)
        segments, freed = _prune_streams(repository, staying, stream, is_dry=is_dry)
        objects, more = _sweep(repository, staying, is_dry=is_dry)
    return Pruned(tuple(manifest.id for manifest in old), objects, segments, freed + more)


def _sweep(repository: Repository, staying: Sequence[Manifest], *, is_dry: bool) -> tuple[int, int]:
    """Delete the objects that nothing needs; how many, and their bytes."""
    live = needed(staying) | _noted(repository, {each.database.stream for each in staying})
    unneeded = {name: size for name, size in repository.names().items() if name not in live}
    if not is_dry:
        for name in unneeded:
            repository.forget(name)
    return len(unneeded), sum(unneeded.values())


def _noted(repository: Repository, streams: set[str | None]) -> set[str]:
    """The objects of files that came after a backup, in streams that are needed."""
    return {
        name
        for stream in streams | repository.streams()
        if stream is not None
        for number in repository.notes(stream)
        for files in repository.files(stream, number).values()
        for file in files
        for name in file.objects
    }


def _prune_streams(
    repository: Repository, staying: Sequence[Manifest], current: str | None, *, is_dry: bool
) -> tuple[int, int]:
    """Delete what is older than the first backup of its stream, and streams without any; how many segments, and their
    bytes."""
    count = freed = 0
    for stream in repository.streams():
        of_stream = [each.database for each in staying if each.database.stream == stream]
        if not of_stream and stream == current:
            continue
        segment = min((each.segment for each in of_stream), default=None)
        old = {
            name: size
            for name, size in repository.segments(stream).items()
            if segment is None or not is_wanted(name, segment)
        }
        count, freed = count + len(old), freed + sum(old.values())
        if not is_dry:
            _forget(repository, stream, old, min((each.first_note for each in of_stream), default=None))
    return count, freed


def _forget(repository: Repository, stream: str, segments: Iterable[str], first_note: int | None) -> None:
    for segment in segments:
        repository.forget_segment(stream, segment)
    for number in repository.notes(stream):
        if first_note is None or number < first_note:
            repository.forget_note(stream, number)
