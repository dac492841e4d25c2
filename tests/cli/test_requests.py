"""Pausing, resuming, cancelling and retrying by the real program: what is selected, and what is said of each."""

from __future__ import annotations

import getpass
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import eopiez_ray as ez
from eopiez_ray.cli import app
from eopiez_ray.model.status import WorkflowStatus

from ..waiting import wait_until

S = WorkflowStatus
PROGRAM = [sys.executable, "-c", "from eopiez_ray.cli import main; main()"]


@ez.phase(kind="map", retry=ez.RetryPolicy(maximum_attempts=1))
def mill(value: int, *, folder: str, seconds: float = 0.0) -> int:
    """Fails while there is a file ``hold``."""
    import time

    time.sleep(seconds)
    if (Path(folder) / "hold").exists():
        raise OSError("the mill is out of order")
    with (Path(folder) / "ground").open("a") as file:
        file.write(f"{value}\n")
    return value


def plan(folder: Path, count: int = 3, seconds: float = 0.0) -> ez.Plan:
    folder.mkdir(exist_ok=True)
    made = ez.Plan("mill")
    made.step("mill", mill, made.values("v", range(count)), folder=str(folder), seconds=seconds)
    return made


def ground(folder: Path) -> list[int]:
    path = folder / "ground"
    return sorted(map(int, path.read_text().split())) if path.exists() else []


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    with ez.local(home=tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def team(tmp_path: Path) -> str:
    """A label that no other test gives."""
    return tmp_path.name


def eopiez(system: ez.Local, *arguments: object) -> Result:
    """A command that needs no Ray, in this process."""
    home = str(system.settings.home)
    return CliRunner().invoke(app, list(map(str, arguments)), env={"EOPIEZ_HOME": home, "COLUMNS": "200"})


def start(system: ez.Local, *arguments: object) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    env = os.environ | {"EOPIEZ_HOME": str(system.settings.home), "COLUMNS": "200"}
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env,
        start_new_session=True,
    )  # fmt: skip


def run(system: ez.Local, *arguments: object, code: int = 0) -> str:
    process = start(system, *arguments)
    shown = process.communicate(timeout=120)[0]
    assert process.returncode == code, shown
    assert "Traceback" not in shown
    return shown


def submit(system: ez.Local, folder: Path, team: str, count: int = 2, seconds: float = 0.0) -> list[ez.Workflow]:
    made = plan(folder, seconds=seconds)
    return [system.submit(made, labels={"team": team}, owner="anna") for _ in range(count)]


def test_several_are_paused_by_label_and_each_is_answered_for(system: ez.Local, team: str, tmp_path: Path) -> None:
    first, second = submit(system, tmp_path, team)
    (other,) = submit(system, tmp_path, "another", 1)
    result = eopiez(system, "pause", "--label", f"team={team}", "--why", "lunch", "--by", "ben")
    assert result.exit_code == 0, result.output
    assert "2 paused" in result.output
    listed = {str(workflow.id)[-8:] for workflow in (first, second)}
    assert {line.split()[0] for line in result.output.splitlines() if " paused" in line and "mill" in line} == listed
    assert [workflow.status for workflow in (first, second, other)] == [S.PAUSED, S.PAUSED, S.QUEUED]
    shown = eopiez(system, "list").output
    assert "paused since 20" in shown
    assert "asked by ben: lunch" in shown
    request = json.loads(eopiez(system, "show", first.id, "--json").output)["request"]
    assert (request["verb"], request["by"], request["why"], request["mode"]) == ("pause", "ben", "lunch", "drain")
    again = eopiez(system, "pause", "--label", f"team={team}", "--json")
    assert [json.loads(line)["status"] for line in again.output.splitlines()] == ["paused", "paused"]


def test_one_is_paused_by_whoever_is_logged_in(system: ez.Local, team: str, tmp_path: Path) -> None:
    (workflow,) = submit(system, tmp_path, team, 1)
    result = eopiez(system, "pause", str(workflow.id)[-8:], "--timers", "frozen", "--now")
    assert f"eopiez resume {str(workflow.id)[-8:]}" in result.output
    asked = workflow.view().request
    assert asked is not None
    assert (asked.request.by, asked.request.mode, asked.request.timers) == (getpass.getuser(), "now", "frozen")
    assert f"asked by {getpass.getuser()}" in eopiez(system, "show", workflow.id).output


def test_a_refusal_is_told_and_stops_no_other(system: ez.Local, team: str, tmp_path: Path) -> None:
    first, second = submit(system, tmp_path, team)
    first.cancel()
    result = eopiez(system, "pause", first.id, second.id)
    assert result.exit_code == 1
    assert f"cannot pause workflow {first.id}: it is cancelled" in result.output
    assert second.status is S.PAUSED
    assert "No workflow matches" in eopiez(system, "pause", "--label", f"team={team}", "--status", "running").output
    alone = eopiez(system, "pause", first.id)
    assert (alone.exit_code, "it is cancelled" in alone.output) == (1, True)


def test_resume_and_retry_may_only_queue_for_another_process(system: ez.Local, team: str, tmp_path: Path) -> None:
    first, second = submit(system, tmp_path, team)
    first.pause()
    second.cancel()
    assert eopiez(system, "resume", "--label", f"team={team}", "--no-wait").exit_code == 0
    assert [first.status, second.status] == [S.QUEUED, S.CANCELLED]
    assert "No workflow matches" in eopiez(system, "retry", "--label", f"team={team}", "--no-wait").output
    assert eopiez(system, "retry", second.id, "--no-wait").exit_code == 0
    assert second.status is S.QUEUED


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("pause",), 2, "name workflows by id"),
        (("cancel", "--now"), 2, "--all"),
        (("resume", "--label", "blue"), 64, "such as team=research"),
        (("pause", "--all", "--timers", "slow"), 2, "--timers"),
    ],
)
def test_what_means_nothing_is_refused_before_anything_starts(
    tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    result = CliRunner().invoke(app, [*arguments], env={"EOPIEZ_HOME": str(tmp_path / "home")})
    assert (result.exit_code, sentence in " ".join(result.output.split())) == (code, True), result.output
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("answer", "status"), [("n", S.QUEUED), ("y", S.CANCELLED)])
def test_many_are_cancelled_on_a_terminal_only_if_that_is_meant(
    system: ez.Local, team: str, tmp_path: Path, answer: str, status: WorkflowStatus
) -> None:
    workflows = submit(system, tmp_path, team)
    ours, theirs = pty.openpty()
    env = os.environ | {"EOPIEZ_HOME": str(system.settings.home)}
    command = [*PROGRAM, "cancel", "--label", f"team={team}"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        os.write(ours, f"{answer}\n".encode())
        _, said = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert "Cancel 2 workflows?" in said.decode()
    assert {workflow.status for workflow in workflows} == {status}
    assert process.returncode == (0 if status is S.CANCELLED else 1)


def test_many_are_cancelled_without_a_question_where_that_is_said(system: ez.Local, team: str, tmp_path: Path) -> None:
    workflows = submit(system, tmp_path, team)
    result = eopiez(system, "cancel", "--label", f"team={team}", "--yes", "--why", "a mistake")
    assert "2 cancelled" in result.output
    assert {workflow.status for workflow in workflows} == {S.CANCELLED}


def test_several_are_driven_to_their_ends_and_what_was_given_up_runs_again(
    system: ez.Local, team: str, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    submit(system, good, team)
    (broken,) = submit(system, bad, team, 1)
    (bad / "hold").touch()
    said = run(system, "resume", "--label", f"team={team}", "--cpus", 2, code=1)
    assert "Starting Ray" in said
    assert "(3 of 3 at rest)" in said
    assert "2 succeeded, 1 failed" in said
    shown = eopiez(system, "failures", "--label", f"team={team}")
    assert "OSError the mill is out of order" in shown.output
    assert str(broken.id)[-8:] in shown.output
    (first, *_) = [json.loads(line) for line in eopiez(system, "failures", broken.id, "--json").output.splitlines()]
    assert (first["workflow"], first["step"], first["error_type"]) == (str(broken.id), "mill", "OSError")
    (bad / "hold").unlink()
    said = run(system, "retry", "--error", "OSError", "--label", f"team={team}", "--cpus", 2, "--json")
    rows = [json.loads(line) for line in said.splitlines() if '"refusal"' in line]
    assert [(row["workflow"], row["status"]) for row in rows] == [(str(broken.id), "succeeded")]
    assert ground(good) == [0, 0, 1, 1, 2, 2]
    assert ground(bad) == [0, 1, 2]
    assert "No task was given up" in eopiez(system, "failures", "--label", f"team={team}").output


def test_interrupt_pauses_all_that_are_driven_here(system: ez.Local, team: str, tmp_path: Path) -> None:
    workflows = submit(system, tmp_path, team, seconds=1.0)
    process = start(system, "resume", "--label", f"team={team}", "--cpus", 1)
    wait_until(lambda: ground(tmp_path))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 130, said
    assert "2 paused" in said
    for workflow in workflows:
        view = workflow.view()
        assert view.request is not None
        assert (view.status, view.request.request.why) == (S.PAUSED, "interrupted at the terminal that drives it")
