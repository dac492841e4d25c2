"""Jobs on a real Ray cluster with a token, as ``ray start`` makes it: submitted, found again, killed with the head."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from eopiez_ray import Settings
from eopiez_ray.engine.jobs import variables_for
from eopiez_ray.errors import ParameterError
from eopiez_ray.settings import JOB_FACTS, ray_job
from eopiez_ray.store import EmbeddedServer
from eopiez_ray.supervision.parts import free_ports
from tests.documents import ROOT, blocks

from ..waiting import wait_until
from .phases_of_clusters import Marks
from .test_clusters import COUNT, REPEATABLE

TOKEN = "a-token-of-tests-0123456789abcdef"


class Head:
    """A cluster of one node, started as the page on clusters says."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self._ports = folder, free_ports(5)
        self.temporary = tempfile.mkdtemp(prefix="ez-", dir="/tmp")  # Ray's sockets have short paths only.
        self.address = f"http://127.0.0.1:{self._ports[1]}"
        (folder / ".ray").mkdir()
        (folder / ".ray" / "auth_token").write_text(TOKEN)
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        foreign = ("EOPIEZ_", "RAY_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
            "HOME": str(folder), "PATH": programs, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "token",
            "EOPIEZ_HOME": str(folder / "home"),
        }  # fmt: skip
        self.own = self.environment | {"RAY_ADDRESS": self.address, "EOPIEZ_DATABASE_URL": database_url}
        self.start()

    def start(self) -> None:
        port, dashboard, agent, client, metrics = self._ports
        command = [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats",
            "--node-ip-address=127.0.0.1", f"--port={port}", "--dashboard-host=127.0.0.1",
            f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}",
            f"--ray-client-server-port={client}", f"--metrics-export-port={metrics}", "--num-cpus=2",
            f"--object-store-memory={80 * 2**20}", f"--temp-dir={self.temporary}",
        ]  # fmt: skip
        with (self.folder / "head.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        wait_until(self._is_up)

    def _is_up(self) -> bool:
        assert self._process.poll() is None, (self.folder / "head.log").read_text()
        try:
            return self.get("/api/jobs/").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str, token: str = TOKEN) -> httpx.Response:
        return httpx.get(self.address + path, headers={"authorization": f"Bearer {token}"}, timeout=20)

    def kill(self) -> None:
        """As if the power had failed."""
        processes = [*psutil.Process(self._process.pid).children(recursive=True), psutil.Process(self._process.pid)]
        for process in processes:
            process.kill()
        self._process.wait()
        wait_until(lambda: not any(map(is_alive, processes)))

    def run(self, *command: str, code: int = 0, own: Mapping[str, str] | None = None) -> str:
        """What a command prints, which ends with that code."""
        ran = subprocess.run(
            command, env=self.own | dict(own or {}), cwd=self.folder, capture_output=True, text=True, timeout=200
        )
        told: str = ran.stdout + ran.stderr
        assert ran.returncode == code, told
        return told

    def names(self, kind: str) -> set[str]:
        """Names of tasks or actors on the dashboard."""
        return {each["name"] for each in self.get(f"/api/v0/{kind}?limit=10000").json()["data"]["result"]["result"]}

    def jobs(self) -> dict[str, dict[str, Any]]:
        listed = self.run("eopiez", "job", "list", "--json")
        facts = [json.loads(line) for line in listed.splitlines() if line.startswith("{")]
        return {fact["job"]: fact for fact in facts}


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def head(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    made = Head(tmp_path_factory.mktemp("head"), server.url)
    yield made
    made.kill()
    shutil.rmtree(made.temporary)


def test_commands_of_the_page_work_as_pasted(head: Head) -> None:
    page = blocks(ROOT / "docs/clusters.md")
    (program,) = [block.text for block in page if block.language == "python"]
    (head.folder / "work").mkdir()
    (head.folder / "work" / "my_plan.py").write_text(program)
    pasted = [line for block in page for line in block.text.splitlines() if line.startswith("ray job submit")]
    demo, own, listing = pasted
    assert demo == "ray job submit -- eopiez demo --output /tmp/demo"
    told = head.run(*shlex.split(own.replace("-dir .", f"-dir {head.folder / 'work'}")))
    assert "999000" in told
    assert "No workflow" in head.run(*shlex.split(listing)), "another project sees it"


def test_a_job_that_dies_with_its_head_is_gone_on_with(head: Head, tmp_path: Path) -> None:
    marks = Marks(tmp_path / "marks")
    command = [sys.executable, "-m", "tests.engine.plan_of_a_job", str(marks.folder), str(COUNT)]
    head.run("eopiez", "job", "submit", "--no-wait", "--id", "first", "--", *command)
    marks.wait_for(20)
    wait_until(lambda: head.jobs()["first"]["workflow"])
    workflow = head.jobs()["first"]["workflow"]
    assert head.get("/api/jobs/first").json()["metadata"]["workflow"] == workflow
    wait_until(lambda: "mark" in head.names("tasks"))
    workers = [name for name in head.names("actors") if name.startswith("worker-")]
    assert head.jobs()["first"]["status"] == "running"
    head.kill()
    head.start()
    marks.let_go()
    told = head.run("eopiez", "job", "submit", "--id", "second", "--", *command)
    assert f"total {sum(range(COUNT))}, secrets ['']" in told
    assert f"second succeeded, workflow {workflow}" in told
    assert {value for value, _ in marks.lines()} == set(range(COUNT))
    assert marks.repeated() <= REPEATABLE
    assert f"total {sum(range(COUNT))}" in head.run("eopiez", "job", "logs", "second")
    listings = [head.run("eopiez", "tasks", workflow, "--worker", worker, "--json") for worker in workers]
    ran = [json.loads(line)["step"] for each in listings for line in each.splitlines() if line.startswith("{")]
    assert "mark" in ran
    assert set(ran) <= {"mark", "total", "secrets"}
    (listed,) = head.run("eopiez", "list", "--json", "--label", "ray_job=first").splitlines()
    assert json.loads(listed)["id"] == workflow


def test_a_run_is_gone_on_with(head: Head, tmp_path: Path) -> None:
    letters = tmp_path / "letters.jsonl"
    texts = (f"The ship number {number} came late into the harbour of Bergen." for number in range(40))
    letters.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    command = ["eopiez", "run", str(letters), "--output", str(tmp_path / "out"), "--idempotency-key", "letters"]
    first, second = [head.run("eopiez", "job", "submit", "--", *command, "--json") for _ in range(2)]
    workflows = [set(re.findall(r'"workflow": "(.{36})"', told)) for told in (first, second)]
    assert len(workflows[0]) == 1
    assert workflows[0] == workflows[1]
    assert (tmp_path / "out" / "report.html").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("keep me")
    foreign = [*command[:4], str(tmp_path / "other"), "--idempotency-key", "other"]
    assert "is not an empty folder" in head.run("eopiez", "job", "submit", "--", *foreign, code=1)


def test_a_stopped_job_goes_on_when_submitted_again(head: Head, tmp_path: Path) -> None:
    marks = Marks(tmp_path / "marks")
    (tmp_path / "plan.yaml").write_text(json.dumps({
        "plan": "slow", "import": ["tests.engine.plan_of_a_job"],
        "steps": {
            "v": {"values": list(range(COUNT))},
            "mark": {"phase": "mark_when_let", "inputs": ["v"], "parameters": {"marks": str(marks.folder)}},
        },
    }))  # fmt: skip
    command = ["eopiez", "start", str(tmp_path / "plan.yaml"), "--idempotency-key", "stopped"]
    head.run("eopiez", "job", "submit", "--no-wait", "--id", "stopped", "--", *command)
    marks.wait_for(20)
    assert "is ending" in head.run("eopiez", "job", "stop", "stopped")
    wait_until(lambda: head.jobs()["stopped"]["status"] in {"stopped", "failed"})
    assert "had ended already" in head.run("eopiez", "job", "stop", "stopped")
    assert len(marks.lines()) < COUNT
    marks.let_go()
    head.run("eopiez", "job", "submit", "--", *command)
    assert {value for value, _ in marks.lines()} == set(range(COUNT))
    assert marks.repeated() <= REPEATABLE


def test_whoever_does_not_know_the_token_is_told_so(head: Head) -> None:
    assert head.get("/api/jobs/", "another").status_code in {401, 403}
    told = head.run("eopiez", "job", "list", code=69, own={"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "x" * 32})
    assert "refuses" in told


def test_what_is_no_job_is_told(head: Head) -> None:
    assert "`eopiez job list` shows the jobs" in head.run("eopiez", "job", "logs", "nothing", code=64)
    assert "job list" in head.run("eopiez", "job", "stop", "nothing", code=64)
    told = head.run("eopiez", "job", "list", "--address", "http://127.0.0.1:9", code=69)
    assert "no Ray cluster answers at http://127.0.0.1:9" in told
    assert "failed" in head.run("eopiez", "job", "submit", "--", "false", code=1)


def test_a_job_gets_settings_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("EOPIEZ_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EOPIEZ_ARTIFACT_URL", "s3://bucket/path")
    monkeypatch.setenv("EOPIEZ_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("EOPIEZ_RAY_ADDRESS", "head:6379")
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", "postgresql://me@db/eopiez")
    passed = variables_for(Settings(), show_secrets=False)
    assert passed == {"EOPIEZ_ARTIFACT_URL": "s3://bucket/path", "EOPIEZ_DATABASE_URL": "postgresql://me@db/eopiez"}
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", "postgresql://me:hush@db/eopiez")
    with pytest.raises(ParameterError, match="--show-secrets") as refused:
        variables_for(Settings(), show_secrets=False)
    assert "hush" not in str(refused.value)
    assert variables_for(Settings(), show_secrets=True)["EOPIEZ_SECRET_KEY"] == "k" * 40


def test_inside_a_job_its_cluster_is_used_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EOPIEZ_RAY_ADDRESS", raising=False)
    assert (ray_job(), Settings().ray_address) == (None, None)
    monkeypatch.setenv(JOB_FACTS, json.dumps({"metadata": {"job_submission_id": "raysubmit_1"}}))
    assert (ray_job(), Settings().ray_address) == ("raysubmit_1", "auto")
    monkeypatch.setenv("EOPIEZ_RAY_ADDRESS", "head:6379")
    assert Settings().ray_address == "head:6379"


def test_settings_may_be_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EOPIEZ_DATABASE_URL", raising=False)
    monkeypatch.setenv("EOPIEZ_SETTINGS_FOLDER", str(tmp_path))
    (tmp_path / "EOPIEZ_DATABASE_URL").write_text("postgresql://file/eopiez\n")
    assert Settings().database_url == "postgresql://file/eopiez"
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", "postgresql://variable/eopiez")
    assert Settings().database_url == "postgresql://variable/eopiez"
    monkeypatch.setenv("EOPIEZ_SETTINGS_FOLDER", str(tmp_path / "nothing"))
    with pytest.raises(ParameterError, match="is not a folder"):
        Settings()
