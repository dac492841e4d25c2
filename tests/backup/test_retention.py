"""Which backups are kept, by the definition: the latest, and the last of each day, week and month."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.backup.manifest import Manifest, StoredFile
from eopiez_ray.backup.pruning import prune
from eopiez_ray.backup.repository import Repository, needed
from eopiez_ray.backup.retention import Retention

from .conftest import manifest, stored

counts = st.integers(0, 5)


@st.composite
def histories(draw: Callable[..., Any]) -> list[Manifest]:
    """Backups of up to two years, some of which build on the one before."""
    days = sorted(draw(st.sets(st.integers(0, 17_000), max_size=30)))
    made: list[Manifest] = []
    builds = draw(st.lists(st.booleans(), min_size=len(days), max_size=len(days)))
    for number, (day, is_increment) in enumerate(zip(days, builds, strict=True)):
        parent = made[-1].id if made and is_increment else None
        made.append(manifest(f"{number:03}", days=day / 24, parent=parent))
    return made


@given(histories(), st.integers(1, 5), counts, counts, counts)
def test_the_last_of_each_period_is_kept_and_what_it_builds_on(
    made: list[Manifest], last: int, days: int, weeks: int, months: int
) -> None:
    kept = Retention(last, days, weeks, months).kept(made)
    wanted = {each.id for each in made[-last:]}
    for count, period in ((days, "%Y-%m-%d"), (weeks, "%G-%V"), (months, "%Y-%m")):
        periods = sorted({each.started_at.strftime(period) for each in made})[-count:] if count else []
        for each in periods:
            wanted.add([one.id for one in made if one.started_at.strftime(period) == each][-1])
    parents = {each.id: each.database.parent for each in made}
    for backup in [*wanted]:
        while (parent := parents[backup]) is not None:
            wanted.add(parent)
            backup = parent
    assert {*kept} == wanted


def test_pruning_leaves_what_is_needed_and_nothing_else(repository: Repository) -> None:
    shared, old, new, _stray, noted = stored(repository, b"shared", b"old", b"new", b"stray", b"noted")
    first, second = "0" * 23 + "1", "0" * 23 + "5"
    repository.publish(manifest("1", database=(shared, old), stream="s", segment=first))
    repository.publish(manifest("2", days=1, database=(shared, new), stream="s", segment=second, first_note=1))
    repository.put_files("s", 0, {"artifacts": [StoredFile("a", 1, 1, (old,))]})
    repository.put_files("s", 1, {"artifacts": [StoredFile("b", 1, 1, (noted,))]})
    for number in range(1, 8):
        repository.put_segment("s", f"{'0' * 23}{number}", b"wal")
    repository.put_segment("gone", first, b"wal")

    dry = prune(repository, Retention(1), is_dry=True)
    assert (dry.backups, dry.segments) == (("1",), 5)
    assert len(repository.backups()) == 2
    done = prune(repository, Retention(1))
    assert (done.backups, done.segments, done.objects) == (("1",), 5, 2)
    assert {*repository.names()} == {shared, new, noted} >= needed(repository.manifests())
    assert sorted(repository.segments("s")) == [f"{'0' * 23}{number}" for number in range(5, 8)]
    assert (repository.notes("s"), repository.segments("gone")) == ([1], {})
    again = prune(repository, Retention(1))
    assert again == ((), 0, 0, 0)


def test_notes_go_on_counting_when_old_ones_are_pruned(repository: Repository) -> None:
    repository.put_files("s", 0, {"artifacts": []})
    repository.put_files("s", 1, {"artifacts": []})
    last = manifest("1", stream="s", first_note=2)
    repository.publish(last)
    prune(repository, Retention(1))
    assert repository.notes("s") == []
    assert repository.next_note("s", last) == 2, "a lower one would count as part of the backup"
    assert repository.next_note("other", last) == 0
    repository.put_files("s", 5, {"artifacts": []})
    assert repository.next_note("s", last) == 6
