"""What a task does, prints, raises and changes is its own: whoever shares its call does not notice."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

import eopiez_ray as ez
from eopiez_ray.engine.sharing import is_frozen
from eopiez_ray.engine.worker import Worker
from eopiez_ray.errors import ParameterError, PlanError
from eopiez_ray.model.failures import MESSAGE_CHARACTERS, TRACEBACK_CHARACTERS, failure_of
from eopiez_ray.model.results import expanded
from eopiez_ray.model.status import Outcome
from eopiez_ray.model.tasks import Report, TaskKey
from eopiez_ray.model.work import Element, Prior, WorkCall, WorkItem, WorkPart, WorkStep


def call_of(phase: ez.Phase, values: list[Any], *, twice: bool = False, **parameters: Any) -> WorkCall:
    """A call that applies the phase to each value; twice, two steps take the same values."""
    steps = {0: WorkStep("given", ez.PhaseKind.VALUES, "values", {})}
    for number in (1, 2) if twice else (1,):
        steps[number] = WorkStep("step", phase.kind, phase.ref.digest, parameters, phase.policy.concurrency)
    items = tuple(
        WorkItem(TaskKey(step, at), 1, 1, (Element(0, at),)) for step in sorted(steps)[1:] for at in range(len(values))
    )
    code = {"values": pickle.dumps(values), phase.ref.digest: phase.code}
    return WorkCall("call", "sender", (WorkPart("workflow", steps, items),), code, 10.0)


def run(folder: Path, phase: ez.Phase, values: list[Any], **options: Any) -> list[Report]:
    (reports,) = Worker(str(folder), "w", folder).run(call_of(phase, values, **options))
    return list(expanded(reports))


def results(reports: list[Report]) -> list[Any]:
    return [pickle.loads(report.output.inline or b"") for report in reports if report.output is not None]


class PanicError(BaseException):
    """As some extension modules raise."""


class Unsayable(Exception):  # noqa: N818
    def __str__(self) -> NoReturn:
        raise LookupError("no text")

    __repr__ = __str__


class Unkept(Exception):  # noqa: N818
    def __init__(self) -> None:
        super().__init__("unkept")
        self.lock = threading.Lock()


class OddText(str):
    """A text of a class that the orchestrator does not know."""

    __slots__ = ()


RAISED: dict[str, Callable[[], Any]] = {
    "panic": lambda: PanicError("index out of bounds"),
    "exit": lambda: SystemExit(0),
    "interrupt": lambda: KeyboardInterrupt(),
    "cancelled": lambda: asyncio.CancelledError("peer gone"),
    "generator": lambda: GeneratorExit(),
    "stop": lambda: StopIteration(3),
    "surrogate": lambda: ValueError("file name \udcff broken"),
    "nul": lambda: ValueError("a\0b"),
    "huge": lambda: ValueError("x" * 10_000_000),
    "unsayable": lambda: Unsayable(),
    "unkept": lambda: Unkept(),
    "odd": lambda: ValueError(OddText("odd")),
    "group": lambda: BaseExceptionGroup("several", [SystemExit(3), ValueError("one")]),
    "syntax": lambda: SyntaxError("bad", ("file", 1, None, "text")),
}


@ez.phase(kind="map")
def raises_at_three(value: Any) -> Any:
    if value[0] == 3:
        raise RAISED[value[1]]()
    return value[0]


@pytest.mark.parametrize("kind", RAISED)
def test_whatever_a_task_raises_it_fails_alone(tmp_path: Path, kind: str) -> None:
    reports = run(tmp_path, raises_at_three, [(number, kind) for number in range(6)])
    assert [report.outcome for report in reports].count(Outcome.SUCCEEDED) == 5
    failure = reports[3].failure
    assert reports[3].outcome is Outcome.FAILED
    assert failure is not None
    assert failure.error_type == type(RAISED[kind]()).__name__
    assert len(failure.message) <= MESSAGE_CHARACTERS
    assert len(failure.traceback) <= TRACEBACK_CHARACTERS + 100
    assert all(type(text) is str for text in failure)
    assert pickle.loads(pickle.dumps(reports[3])) == reports[3]


def test_what_ends_a_process_elsewhere_is_said() -> None:
    assert failure_of(Unsayable()).message.startswith("its text is unavailable: its __str__ raises LookupError")
    deep = ValueError("inside")
    for _ in range(3000):
        outer = ValueError("outside")
        outer.__cause__, deep = deep, outer
    assert len(failure_of(deep).traceback) <= TRACEBACK_CHARACTERS + 100


@ez.phase(kind="map")
def exits(value: int) -> int:
    sys.exit(value)


def test_an_exit_says_what_the_phase_did(tmp_path: Path) -> None:
    (report,) = run(tmp_path, exits, [3])
    assert report.failure is not None
    assert report.failure.message == "the phase called sys.exit(3)"


@ez.phase(kind="map")
def uses_stdout(value: str) -> str:
    print(f"{value} begins")
    if value == "child":
        subprocess.run(["echo", "from a child"], stdout=sys.stdout, check=True)
        subprocess.run(["echo", "inherited"], check=True)
    elif value == "buffer":
        sys.stdout.buffer.write(b"raw \xff\n")
    elif value == "partial":
        print("without an end", end="")
    elif value == "progress":
        for number in range(1000):
            print(f"\rdone {number}", end="")
    elif value == "long":
        print("y" * 10_000_000)
    elif value == "closes":
        sys.stdout.close()
        os.close(1)
    elif value == "replaces":
        sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    return f"{sys.stdout.encoding} {value in TAKERS or sys.stdout.fileno() >= 0}"


TAKERS = ("closes", "replaces")


def printed(report: Report) -> list[str]:
    return [line.message for line in report.logs]


def test_standard_output_is_a_real_stream_whose_lines_stay_with_their_task(tmp_path: Path) -> None:
    values = ["child", "buffer", "partial", "progress", "long", "plain"]
    reports = run(tmp_path, uses_stdout, values)
    assert results(reports) == ["utf-8 True"] * len(values)
    assert printed(reports[0]) == ["child begins", "from a child", "inherited"]
    assert printed(reports[1]) == ["buffer begins", "raw \\xff"]
    assert printed(reports[2]) == ["partial begins", "without an end"]
    assert printed(reports[3]) == ["progress begins", "done 999"]
    assert printed(reports[4]) == ["long begins", "y" * MESSAGE_CHARACTERS]
    assert printed(reports[5]) == ["plain begins"]


def test_a_task_takes_standard_output_from_nobody_else(tmp_path: Path) -> None:
    reports = run(tmp_path, uses_stdout, ["replaces", "plain", "closes", "plain"])
    assert printed(reports[1]) == ["plain begins"]
    assert printed(reports[3]) == ["plain begins"]
    assert (tmp_path / "w.out").stat().st_mode & 0o777 == 0o600


@ez.phase(kind="map")
def spoils(value: Any, *, extra: list[int]) -> tuple[int, int]:
    value["list"].append(-1)
    value["inner"]["more"] = 1
    extra.append(1)
    return len(value["list"]), len(extra)


def test_a_task_that_changes_its_inputs_or_parameters_changes_nobody_elses(tmp_path: Path) -> None:
    values = [{"list": [number], "inner": {}} for number in range(4)]
    reports = run(tmp_path, spoils, values, twice=True, extra=[])
    assert results(reports) == [(2, 1)] * 8


@ez.phase
def reused() -> Iterator[list[int]]:
    """Yields one list again and again."""
    buffer: list[int] = []
    for number in range(5):
        buffer.append(number)
        yield buffer


@ez.phase(kind="map")
def length(value: list[int]) -> int:
    value.append(0)
    return len(value) - 1


def test_results_do_not_depend_on_how_tasks_were_packed(tmp_path: Path) -> None:
    steps = {
        0: WorkStep("reused", ez.PhaseKind.SOURCE, reused.ref.digest, {}),
        1: WorkStep("length", ez.PhaseKind.MAP, length.ref.digest, {}),
        2: WorkStep("again", ez.PhaseKind.MAP, length.ref.digest, {}),
    }
    items = [WorkItem(TaskKey(0, 0), 1, 5, ())]
    items += [WorkItem(TaskKey(step, at), 1, 1, (Prior(TaskKey(0, at)),)) for at in range(5) for step in (1, 2)]
    code = {phase.ref.digest: phase.code for phase in (reused, length)}
    call = WorkCall("call", "sender", (WorkPart("workflow", steps, tuple(items)),), code, 10.0)
    (reports,) = Worker(str(tmp_path), "w", tmp_path).run(call)
    told = list(expanded(reports))
    assert results([report for report in told if report.key.step == 1]) == [1, 2, 3, 4, 5]
    assert results([report for report in told if report.key.step == 2]) == [1, 2, 3, 4, 5]


def test_only_what_nobody_can_change_is_shared() -> None:
    array = np.arange(3)
    assert all(map(is_frozen, (1, "a", b"b", None, (1, ("x",)), frozenset({1}), Path("/"))))
    assert not any(map(is_frozen, ([], {}, set(), array, ([],), object(), bytearray())))
    array.flags.writeable = False
    assert is_frozen(array, is_loaded=True)
    assert not is_frozen(array)


@ez.phase(kind="map", concurrency=8)
async def awaits(value: int) -> int:
    print("begins", value)
    AT_ONCE.append(AT_ONCE[-1] + 1)
    await asyncio.sleep(0.02)
    AT_ONCE.append(AT_ONCE[-1] - 1)
    logging.getLogger("awaits").warning("task %d", value)
    if value == 5:
        raise asyncio.CancelledError("gone")
    if value == 6:
        sys.exit(6)
    return value * ez.current_task().partition


AT_ONCE = [0]


def test_asynchronous_tasks_run_at_once_up_to_their_limit_and_apart(tmp_path: Path) -> None:
    AT_ONCE[:] = [0]
    reports = run_here(tmp_path, awaits, list(range(20)))
    assert max(AT_ONCE) == 8
    assert results(reports) == [number**2 for number in range(20) if number not in {5, 6}]
    assert [report.failure.error_type for report in reports if report.failure] == ["CancelledError", "SystemExit"]
    assert [printed(report) for report in reports] == [[f"begins {at}", f"task {at}"] for at in range(20)]


def run_here(folder: Path, phase: ez.Phase, values: list[Any]) -> list[Report]:
    """As ``run``, with the phase's own function and not a copy of it."""
    worker = Worker(str(folder), "w", folder)
    call = call_of(phase, values)
    worker._library._loaded[phase.ref.digest] = phase
    (reports,) = worker.run(call)
    return list(expanded(reports))


@ez.phase
async def numbers(*, count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


@ez.phase(kind="map")
class Scales:
    """An asynchronous class: one event loop for all of its calls, as open connections need."""

    def __init__(self, *, factor: int) -> None:
        self.factor = factor
        self.loops: set[int] = set()

    async def __call__(self, value: int) -> int:
        self.loops.add(id(asyncio.get_running_loop()))
        assert len(self.loops) == 1
        return value * self.factor


def phase_of(decorated: Any) -> ez.Phase:
    """What a decorated class is, which type checkers take for the class."""
    assert isinstance(decorated, ez.Phase)
    return decorated


def test_asynchronous_sources_and_classes_work(tmp_path: Path) -> None:
    steps = {0: WorkStep("numbers", numbers.kind, numbers.ref.digest, {"count": 3})}
    code = {numbers.ref.digest: numbers.code}
    items = (WorkItem(TaskKey(0, 0), 1, 10, ()),)
    (reports,) = Worker(str(tmp_path), "w", tmp_path).run(
        WorkCall("call", "sender", (WorkPart("workflow", steps, items),), code, 10.0)
    )
    assert results(list(expanded(reports))) == [0, 1, 2]
    assert results(run(tmp_path, phase_of(Scales), [1, 2, 3], factor=5)) == [5, 10, 15]


def test_only_asynchronous_maps_have_a_concurrency() -> None:
    assert awaits.policy.concurrency == 8
    assert phase_of(Scales).policy.concurrency == 16
    with pytest.raises(PlanError, match="leave out concurrency"):
        ez.phase(kind="map", concurrency=3)(length.function)


@ez.phase(kind="map")
def scaled(*values: int, factor: int = 10) -> int:
    return sum(values) * factor


def test_any_number_of_inputs_may_stand_beside_parameters() -> None:
    plan = ez.Plan("p")
    given = plan.values("v", [1, 2])
    plan.step("none", scaled, factor=2)
    plan.step("three", scaled, given, given, given, factor=2)
    assert plan.spec().steps[2].parameters == {"factor": 2}
    with pytest.raises(ParameterError, match="did you mean 'factor'"):
        plan.step("wrong", scaled, given, factr=2)


@ez.phase(kind="map")
def disturbs(value: str) -> str:
    if value == "folder":
        os.chdir("/")
    elif value == "environment":
        os.environ["EOPIEZ_TEST_OF_ISOLATION"] = "1"
    elif value == "thread":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    elif value == "fork":
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    elif value == "lines":
        for number in range(20_000):
            print(number)
    return value


def test_forks_threads_folders_and_many_lines_disturb_nobody(tmp_path: Path) -> None:
    values = ["folder", "environment", "thread", "fork", "lines", "plain"]
    with contextlib.chdir("/"):
        reports = run(tmp_path, disturbs, values)
    assert results(reports) == values
    assert len(reports[4].logs) == 200
    os.environ.pop("EOPIEZ_TEST_OF_ISOLATION", None)


@ez.phase(kind="map")
def rejects_much(value: int) -> int:
    for number in range(value):
        ez.current_task().reject(f"row {number}", f"reason {number % 3}", "s" * 1000)
    ez.current_task().reject(OddText("odd"), OddText("odd"), OddText("odd"))
    return value


def test_a_million_rejects_are_counted_and_some_are_kept(tmp_path: Path) -> None:
    (report,) = run(tmp_path, rejects_much, [1_000_000])
    assert report.rejected == 1_000_001
    assert len(report.rejects) < 11_000
    assert sum(reject.rows for reject in report.rejects if reject.reason == "reason 0") == 333_334
    assert len(pickle.dumps(report)) < 5_000_000


LOCK = threading.Lock()


@ez.phase(kind="map")
def locked(value: int) -> int:
    with LOCK:
        return value


def test_what_cannot_be_sent_is_refused_when_the_plan_is_built() -> None:
    plan = ez.Plan("p")
    with pytest.raises(PlanError, match=r"values\[1\]\['a'\] is of type lock"):
        plan.values("v", [1, {"a": LOCK}])
    with pytest.raises(PlanError, match="phase 'locked' cannot be sent to workers"):
        plan.step("locked", locked, plan.values("v", [1]))


def cyclic() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize("value", [cyclic(), object(), b"\xff", 10**5000], ids=["cycle", "object", "bytes", "integer"])
def test_parameters_that_json_cannot_say_are_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="cannot be written as JSON"):
        ez.Plan("p").step("anything", anything, value=value)


@ez.phase(kind="map")
def anything(*, value: Any) -> Any:
    return value
