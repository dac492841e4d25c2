"""Progress figures: what is known, what is guessed, and what is not said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from eopiez_ray.cli.progress import Mark, PhaseProgress, mark, phases_of
from eopiez_ray.model.status import PhaseKind, StepStatus
from eopiez_ray.store import StepView

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def step(name: str, **changes: Any) -> StepView:
    values: dict[str, Any] = {
        "position": 0,
        "name": name,
        "phase": name.replace(".", "_"),
        "kind": PhaseKind.MAP,
        "status": StepStatus.RUNNING,
        "partitions": 10,
        "done": 5,
        "running": 1,
        "rows": 500,
        "rejects": 0,
        "cached": 0,
        "wall_s": 1.0,
        "cpu_s": 1.0,
        "started_at": NOON,
        "finished_at": None,
        "reason": "",
    }
    return StepView(**(values | changes))


def phase(*steps: StepView, after_s: float = 10, since: Mark | None = None) -> PhaseProgress:
    now = NOON + timedelta(seconds=after_s)
    return phases_of(steps, now, since or Mark(NOON - timedelta(hours=1), {}))[0]


def test_half_done_means_as_long_again() -> None:
    seen = phase(step("ingest.read"))
    assert (seen.done, seen.known, seen.share) == (5, 10, 0.5)
    assert seen.left_s == 10


def test_share_is_unknown_while_partitions_are() -> None:
    seen = phase(step("ingest.read", partitions=None))
    assert (seen.done, seen.known, seen.share, seen.left_s) == (5, 6, None, None)


def test_nothing_is_guessed_from_the_first_partitions() -> None:
    assert phase(step("ingest.read", done=1, partitions=100)).left_s is None


def test_finished_phase_stops_its_clock() -> None:
    ended = NOON + timedelta(seconds=4)
    seen = phase(step("ingest.read", status=StepStatus.SUCCEEDED, done=10, finished_at=ended), after_s=100)
    assert (seen.share, seen.elapsed_s, seen.left_s) == (1.0, 4.0, None)
    assert seen.documents_a_second == 125


def test_waiting_phase_has_no_figures() -> None:
    waiting = step("themes.find", status=StepStatus.WAITING, partitions=1, done=0, running=0, started_at=None)
    seen = phase(waiting)
    assert (seen.status, seen.documents_a_second, seen.elapsed_s) == (StepStatus.WAITING, None, 0.0)


def test_phase_fails_with_one_of_its_steps() -> None:
    assert phase(step("ingest.read"), step("ingest.tokens", status=StepStatus.FAILED)).status is StepStatus.FAILED


def test_pace_counts_from_when_somebody_looks() -> None:
    paused_for = timedelta(hours=2)
    since = mark([step("ingest.read", done=4)], NOON + paused_for)
    seen = phase(step("ingest.read", done=8), after_s=paused_for.total_seconds() + 4, since=since)
    assert seen.elapsed_s == 4
    assert seen.left_s == 2
    assert seen.documents_a_second == 50


def test_phases_come_in_the_order_of_reading() -> None:
    steps = [step("ingest.read"), step("compress.train"), step("own.step"), step("themes.find"), step("motifs.count")]
    phases = phases_of(steps, NOON, mark([], NOON))
    assert [each.title for each in phases] == ["Read", "Motifs", "Themes", "Archive", "own"]
