"""A broken promise is noticed, and what is allowed is not held against anybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eopiez_ray.chaos.campaign import ROUND_S, Orders, Outcome, expected_s
from eopiez_ray.chaos.verdict import Evidence, Fault, Mark, Task, judge, parse_faults, summarize, unseen
from eopiez_ray.chaos.workload import Parcel, Workload, filling, leave_mark, read_marks
from eopiez_ray.errors import ParameterError

WORKLOAD = Workload(marks="marks", token="harbour", tasks=20)
TASKS = sorted(WORKLOAD.expected())
STRUCK_AT = 1010.5
COMMITTED = frozenset(TASKS[:8])


def evidence(**changes: Any) -> Evidence:
    """A round in which everything went well: a task a second, a fault after the eleventh, eight of them committed."""
    fine = Evidence(
        fault=Fault.WORKER,
        expected=WORKLOAD.expected(),
        marks=tuple(Mark(task, 7, 1000.0 + second) for second, task in enumerate(TASKS)),
        committed=COMMITTED,
        struck_at=STRUCK_AT,
        rows=tuple(TASKS),
        wrong=frozenset(),
        gathered=tuple(range(20)),
        status="succeeded",
    )
    return replace(fine, **changes)


def again(task: Task, at: float = 1060.0) -> tuple[Mark, ...]:
    """The marks of a good round, and one more of this task."""
    return (*evidence().marks, Mark(task, 8, at))


def test_a_good_round_keeps_the_promises() -> None:
    result = judge(evidence())
    assert result.breaches == ()
    assert (result.lost, result.duplicated, result.finished_again, result.in_flight_again) == (0, 0, 0, 0)
    assert (result.next_s, result.stall_s) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("changes", "breach"),
    [
        ({"rows": tuple(TASKS[1:])}, "1 lost"),
        ({"wrong": frozenset(TASKS[:2])}, "2 lost"),
        ({"gathered": tuple(range(19))}, "1 lost"),
        ({"rows": (*TASKS, TASKS[3])}, "1 duplicated"),
        ({"gathered": (*range(20), 4)}, "1 duplicated"),
        ({"gathered": (*range(20), -1)}, "1 duplicated"),
        ({"marks": again(TASKS[0])}, "1 finished tasks run again"),
        ({"status": "failed"}, "the workflow is failed"),
        ({"status": "still running after 180 s"}, "the workflow is still running after 180 s"),
    ],
)
def test_a_broken_promise_is_noticed(changes: dict[str, Any], breach: str) -> None:
    result = judge(evidence(**changes))
    assert result.breaches == (breach,)
    summary = summarize(Fault.WORKER, [judge(evidence()), result])
    assert summary.verdict == f"broken: {breach}"
    assert not Outcome([summary]).is_kept


def test_tasks_in_flight_may_run_again() -> None:
    result = judge(evidence(marks=again(TASKS[9])))
    assert (result.in_flight_again, result.finished_again, result.breaches) == (1, 0, ())


def test_the_longest_stall_is_counted_from_the_fault() -> None:
    late = tuple(mark if mark.at < STRUCK_AT else mark._replace(at=mark.at + 60) for mark in evidence().marks)
    result = judge(evidence(marks=late))
    assert (result.next_s, result.stall_s) == (60.5, 60.5)


def test_a_fault_after_the_last_task_has_no_next_one() -> None:
    result = judge(evidence(struck_at=2000.0))
    assert (result.next_s, result.stall_s) == (None, 0.0)
    assert summarize(Fault.WORKER, [result]).next_worst_s is None


def test_rounds_are_summed_and_the_worst_is_kept() -> None:
    results = [judge(evidence(marks=again(TASKS[9], at))) for at in (1010.6, 1010.7, 1010.9)]
    summary = summarize(Fault.GCS, results)
    assert (summary.rounds, summary.in_flight_again, summary.in_flight_again_worst) == (3, 3, 1)
    assert summary.next_median_s == pytest.approx(0.2)
    assert summary.next_worst_s == pytest.approx(0.4)
    assert summary.verdict == "kept"


def test_a_skipped_fault_says_why_and_breaks_nothing() -> None:
    summary = summarize(Fault.DISK, [], "only root can mount a small file system")
    assert summary.verdict == "skipped: only root can mount a small file system"
    assert Outcome([summary]).is_kept


def test_a_round_that_nobody_saw_end_breaks_a_promise() -> None:
    result = unseen(Fault.DISK, "an orchestrator process does not answer")
    summary = summarize(Fault.DISK, [judge(evidence()), result])
    assert summary.verdict.startswith("broken: the workflow is of unknown end: an orchestrator process")
    assert not Outcome([summary]).is_kept


def test_numbers_go_on_from_one_workflow_of_a_round_to_the_next() -> None:
    second = replace(WORKLOAD, first=20, tasks=5)
    assert {task.number for task in second.expected()} == set(range(20, 25))
    made = [Parcel(number, filling("harbour", number)) for number in range(20, 25)]
    assert second.wrong(made, list(range(20, 25))) == frozenset()
    assert second.wrong(made, [20, 21, 22, 23, 4]) == {Task("check", 24)}


def test_the_time_that_is_expected_grows_with_rounds_and_faults() -> None:
    one = Orders(faults=[Fault.WORKER], rounds=1, tasks=20, seed=0, home=Path("home"), stop_s=30)
    assert expected_s(replace(one, rounds=10)) - expected_s(one) == 9 * ROUND_S[Fault.WORKER]
    stopped = replace(one, faults=[Fault.WORKER, Fault.POSTGRES_STOP])
    assert expected_s(stopped) - expected_s(one) == ROUND_S[Fault.POSTGRES_STOP] + 30


def test_faults_are_named_or_all() -> None:
    assert parse_faults("") == (list(Fault), False)
    assert parse_faults("postgres-stop, worker") == ([Fault.WORKER, Fault.POSTGRES_STOP], False)
    assert parse_faults("gateway,worker") == ([Fault.WORKER], True)
    with pytest.raises(ParameterError, match="there is no fault 'moon'; choose from worker, orchestrator,"):
        parse_faults("worker,moon")


def test_results_that_are_not_what_they_should_be_are_found() -> None:
    made: list[Any] = [Parcel(number, filling("harbour", number)) for number in range(20)]
    checked: list[Any] = list(range(20))
    assert WORKLOAD.wrong(made, checked) == frozenset()
    made[10], made[11], checked[3] = Parcel(10, b"other"), None, -1
    assert WORKLOAD.wrong(made, checked) == {Task("make", 10), Task("make", 11), Task("check", 3)}


def test_marks_are_read_as_they_were_left(tmp_path: Path) -> None:
    assert read_marks(tmp_path / "marks") == ()
    for number in (4, 2):
        leave_mark(tmp_path / "marks", Task("make", number))
    first, second = read_marks(tmp_path / "marks")
    assert (first.task, second.task) == (Task("make", 4), Task("make", 2))
    assert 0 < first.at <= second.at
