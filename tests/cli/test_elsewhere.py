"""Commands on a system elsewhere: the same words, by way of its gateway."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyotp
import pytest
from typer.testing import CliRunner, Result

import eopiez_ray as ez
from eopiez_ray.cli import app
from eopiez_ray.gateway.identity.peers import Peer
from eopiez_ray.gateway.identity.signing_in import Proof
from eopiez_ray.model.access import Role
from eopiez_ray.settings import Settings
from tests.client.serving import Gateway
from tests.gateway.identity.given import PASSWORD, member, newcomer, user

from ..waiting import wait_until

S = ez.WorkflowStatus
PLAN = """
plan: lengths
steps:
  words: {values: [a, bcd]}
"""


@ez.phase(version="1", retry=ez.RetryPolicy(maximum_attempts=1))
def gated(word: str, *, gate: str) -> int:
    while not Path(gate).exists():
        time.sleep(0.01)
    if word == "bad":
        raise OSError("a bad word")
    print(f"saw {word}")
    return len(word)


def held(gate: Path, *words: str) -> ez.Plan:
    plan = ez.Plan("held")
    plan.step("gated", gated, plan.values("words", words), gate=str(gate))
    return plan


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ez.Local]:
    home = tmp_path_factory.mktemp("home")
    with ez.local(home=home, cpus=2, object_store_bytes=80 * 2**20) as made:
        made.drive_all("tests")
        yield made


@pytest.fixture(scope="module")
def gateway(system: ez.Local) -> Iterator[Gateway]:
    made = Gateway(Settings(home=system.settings.home, gateway_input_urls=("127.0.0.1",)))
    made.run(member(made.services, "anna"))
    yield made
    made.stop()


class Terminal:
    """A user on a machine of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            "XDG_CONFIG_HOME": str(folder / "config"), "EOPIEZ_HOME": str(folder / "home"), "COLUMNS": "200",
            "EOPIEZ_URL": "", "EOPIEZ_TOKEN": "",
        }  # fmt: skip

    def eopiez(self, *arguments: object, given: str = "", code: int = 0) -> Result:
        result = CliRunner().invoke(app, [*map(str, arguments)], input=given, env=self.env)
        assert result.exit_code == code, result.output
        return result

    def said(self, *arguments: object, **how: Any) -> str:
        return self.eopiez(*arguments, **how).output

    def rows(self, *arguments: object, **how: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.eopiez(*arguments, "--json", **how).stdout.splitlines()]


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def signed_in(terminal: Terminal, gateway: Gateway) -> Terminal:
    terminal.eopiez("login", gateway.url, "--user", "anna", "--name", "there", given=f"{PASSWORD}\n")
    return terminal


def test_signing_in_is_remembered_and_signing_out_forgets(terminal: Terminal, gateway: Gateway) -> None:
    refused = terminal.said("login", gateway.url, given="anna\nwrong\n", code=77)
    assert "wrong" not in refused
    assert terminal.said("context", "list").startswith("No contexts yet")
    said = terminal.said("login", gateway.url, given=f"anna\n{PASSWORD}\n")
    assert PASSWORD not in said
    assert f"Signed in at {gateway.url} as anna" in said
    (context,) = terminal.rows("context", "list")
    assert (context["login"], context["url"], context["is_current"]) == ("anna", gateway.url, True)
    kept = terminal.folder / "config" / "eopiez" / "contexts.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    tokens = json.loads(kept.read_text())["contexts"][0]["tokens"]
    terminal.eopiez("logout")
    assert terminal.rows("context", "list") == []
    terminal.eopiez("login", gateway.url, "--token-stdin", given=tokens["access_token"] + "\n", code=77)


def test_an_initial_password_and_a_second_factor_are_asked_for(terminal: Terminal, gateway: Gateway) -> None:
    gateway.run(newcomer(gateway.services, "nora"))
    new = "kupferkanne und ahornsirup"
    given = f"nora\n{PASSWORD}\nshort\nshort\n{new}\n{new}\n"
    assert "initial password" in terminal.said("login", gateway.url, given=given)
    secret = gateway.run(_second_factor(gateway, "nora", new))
    code = pyotp.TOTP(secret).now()
    said = terminal.said("login", gateway.url, given=f"nora\n{new}\n{code}\n")
    assert "second factor" in said
    assert code not in terminal.said("context", "list")


async def _second_factor(gateway: Gateway, login: str, password: str) -> str:
    from eopiez_ray.client.credentials import FixedToken
    from eopiez_ray.client.signing_in import sign_in
    from eopiez_ray.client.transport import Call, Transport

    async with Transport(gateway.url) as visitor:
        tokens, _ = await sign_in(visitor, login, password)
    async with Transport(gateway.url, FixedToken(tokens.access_token)) as person:
        proof = {"password": password}
        made = await person.json(Call(method="POST", path="users/profile/totp", body=proof))
        body = {"code": pyotp.TOTP(made["secret"]).at(time.time() - 30)}
        await person.json(Call(method="POST", path="users/profile/totp/confirm", body=body))
    return str(made["secret"])


def test_contexts_are_chosen_among(signed_in: Terminal) -> None:
    signed_in.eopiez("context", "rename", "there", "far")
    plan = signed_in.folder / "plan.yaml"
    plan.write_text(PLAN)
    signed_in.eopiez("start", plan, "--no-wait", "--label", "here=there")
    signed_in.eopiez("context", "leave")
    assert "No workflows yet" in signed_in.said("list")
    assert "lengths" in signed_in.said("--context", "far", "list")
    assert "there is no context 'near'" in signed_in.said("--context", "near", "list", code=64)
    assert "exclude each other" in signed_in.said("--context", "far", "--local", "list", code=64)
    signed_in.eopiez("context", "use", "far")
    assert "--local clean" in signed_in.said("clean", code=64)
    assert "about this machine, whatever" in signed_in.said("status", code=3)
    for command in (("status",), ("audit", "verify")):
        assert "about this machine alone" in signed_in.said("--context", "far", *command, code=64)
    signed_in.eopiez("context", "delete", "far")
    assert signed_in.rows("context", "list") == []


def test_a_plan_is_started_there_and_followed_from_here(signed_in: Terminal) -> None:
    plan = signed_in.folder / "plan.yaml"
    plan.write_text(PLAN)
    said = signed_in.said("start", plan, "--label", "team=x")
    assert "Done in" in said
    (shown,) = signed_in.rows("show")
    assert (shown["name"], shown["status"], shown["labels"], shown["owner"]) == (
        "lengths", "succeeded", {"team": "x"}, "anna",
    )  # fmt: skip
    assert re.search(r"is (queued|running|succeeded)\. Watch it with", signed_in.said("start", plan, "--no-wait"))


def test_what_happens_there_is_seen_here(signed_in: Terminal, system: ez.Local, tmp_path: Path) -> None:
    workflow = system.submit(held(tmp_path / "gate", "a", "bad"), labels={"n": tmp_path.name})
    (tmp_path / "gate").touch()
    workflow.settled(150)
    short = str(workflow.id)[-8:]
    assert "a bad word" in signed_in.said("show", short)
    assert short in signed_in.said("list", "--label", f"n={tmp_path.name}")
    assert [row["message"] for row in signed_in.rows("logs", short)] == ["saw a"]
    assert "saw a" in signed_in.said("logs", short, "--follow")
    assert signed_in.rows("events", short)[0]["kind"] == "created"
    assert [row["partition"] for row in signed_in.rows("tasks", short, "--step", "gated")] == [0]
    assert [row["error_type"] for row in signed_in.rows("tasks", short, "--failed")] == ["OSError"]
    (failure,) = signed_in.rows("failures", "--label", f"n={tmp_path.name}")
    assert (failure["workflow"], failure["message"]) == (str(workflow.id), "a bad word")
    assert "OSError" in signed_in.said("retry", short, code=1)
    assert len(workflow.attempts()) == 2


def test_requests_reach_what_runs_there(signed_in: Terminal, system: ez.Local, tmp_path: Path) -> None:
    workflow, other = [system.submit(held(tmp_path / "gate", "a"), labels={"n": tmp_path.name}) for _ in range(2)]
    wait_until(lambda: workflow.is_driven and other.is_driven)
    short = str(workflow.id)[-8:]
    signed_in.eopiez("update", short, "--priority", 4, "--label", "team=y")
    assert (workflow.view().priority, workflow.view().labels["team"]) == (4, "y")
    assert f"eopiez resume {short}" in signed_in.said("pause", short, "--now", "--why", "lunch")
    assert workflow.status is S.PAUSED
    asked = workflow.view().request
    assert asked is not None
    assert (asked.request.by, asked.request.why) == ("anna", "lunch")
    assert "leave out `by`" in signed_in.said("cancel", short, "--by", "ben", code=64)
    paused = signed_in.rows("pause", "--label", f"n={tmp_path.name}", "--now")
    assert {row["status"] for row in paused} == {"paused"}
    (tmp_path / "gate").touch()
    assert "Done in" in signed_in.said("resume", short)
    done = signed_in.rows("resume", "--label", f"n={tmp_path.name}")
    assert [(row["workflow"], row["status"]) for row in done] == [(str(other.id), "succeeded")]
    assert "cannot cancel" in signed_in.said("cancel", short, code=1)


def test_a_collection_is_sent_there_and_its_report_comes_back(signed_in: Terminal) -> None:
    folder = signed_in.folder / "letters"
    folder.mkdir()
    for number, word in enumerate(["music", "football", "parliament"] * 12):
        (folder / f"{number}.txt").write_text(f"Letter {number} is about {word}: {word} and nothing but {word}.")
    output = signed_in.folder / "found"
    said = signed_in.said("run", folder, "--output", output, "--name", "Letters")
    assert "36 documents" in said
    assert "Letters" in (output / "report.html").read_text()
    assert (output / "collection.eopz").stat().st_size > 100
    (result,) = signed_in.rows("run", folder, "--output", signed_in.folder / "again")
    first, *_ = found = signed_in.rows("search", "football", "-n", 3)
    assert [row["rank"] for row in found] == [1, 2, 3]
    assert first["similarity"] >= found[-1]["similarity"]
    assert first["document_id"] in signed_in.said("search", "football", "--workflow", result["workflow"])
    assert result["report"] == str(signed_in.folder / "again" / "report.html")


def test_a_collection_elsewhere_still_is_named_by_its_url(signed_in: Terminal) -> None:
    folder = signed_in.folder / "web"
    folder.mkdir()
    rows = [f"{n},{word} and nothing but {word}" for n, word in enumerate(["music", "football", "parliament"] * 12)]
    (folder / "letters.csv").write_text("\n".join(["id,text", *rows]))
    (signed_in.folder / "more.txt").write_text("One more letter about football.")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/letters.csv"
        output = signed_in.folder / "found"
        assert "37 documents" in signed_in.said("run", url, signed_in.folder / "more.txt", "--output", output)
        server.shutdown()
    assert "letters" in (output / "report.html").read_text()
    assert "nothing is downloaded on this machine" in signed_in.said("--local", "run", url, code=64)
    assert "--dry-run cannot look at http" in signed_in.said("run", url, "--dry-run", code=64)
    assert "is no URL of a file" in signed_in.said("run", "s3://bucket/letters.csv", code=64)


@pytest.fixture
def manager(terminal: Terminal, gateway: Gateway) -> Terminal:
    """A system administrator."""
    if "root" not in {view.login for view in gateway.run(gateway.services.accounts.page("", limit=1000))}:
        gateway.run(user(gateway.services, "root", administrator=True))
    terminal.eopiez("login", gateway.url, "--user", "root", "--name", "there", given=f"{PASSWORD}\n")
    return terminal


def test_users_there_are_managed_from_here(manager: Terminal, gateway: Gateway) -> None:
    refused = manager.said("users", "create", "otto", "--role", "nowhere=viewer", code=66)
    assert "nowhere" in refused
    assert "otto" not in {row["login"] for row in manager.rows("users", "list")}
    password = manager.eopiez("users", "create", "Otto", "--name", "Otto O.", "--role", "default=viewer").stdout.strip()
    assert gateway.run(gateway.services.signing_in.sign_in("otto", Proof(password), Peer())).must_change_password
    (shown,) = [row for row in manager.rows("users", "list") if row["login"] == "otto"]
    assert (shown["display_name"], shown["is_disabled"]) == ("Otto O.", False)
    members = gateway.run(gateway.services.accounts.members("default", "", 1000))
    assert [each.role for each in members if each.login == "otto"] == [Role.VIEWER]
    (again,) = manager.rows("users", "reset-password", "otto")
    assert again["password"] != password
    manager.eopiez("users", "disable", "otto")
    (shown,) = [row for row in manager.rows("users", "list") if row["login"] == "otto"]
    assert (shown["display_name"], shown["is_disabled"]) == ("Otto O.", True)
    assert "disabled" in manager.said("users", "list")
    manager.eopiez("users", "enable", "otto")
    assert gateway.run(gateway.services.signing_in.sign_in("otto", Proof(again["password"]), Peer()))
    assert "no user 'nobody'" in manager.said("users", "disable", "nobody", code=66)


def test_who_manages_nothing_there_is_refused(signed_in: Terminal) -> None:
    assert "system administrators" in signed_in.said("users", "list", code=77)
    assert "system administrators" in signed_in.said("retention", "set", "default", "logs", 30, code=77)


def test_retention_there_is_set_from_here(manager: Terminal) -> None:
    assert "default keeps logs 30 days" in manager.said("retention", "set", "default", "logs", 30)
    manager.eopiez("retention", "set", "default", "results", "forever")
    (shown,) = manager.rows("retention", "show")
    assert {(rule["kind"], rule["days"]) for rule in shown["projects"]} == {("logs", 30.0), ("results", None)}
    assert "30" in manager.said("retention", "show")
    for kind in ("logs", "results"):
        assert "the system's rule holds" in manager.said("retention", "lift", "default", kind)
    (shown,) = manager.rows("retention", "show")
    assert shown["projects"] == []


def test_what_is_there_is_erased_from_here(manager: Terminal, system: ez.Local, tmp_path: Path) -> None:
    workflow = system.submit(held(tmp_path / "gate", "a"))
    wait_until(lambda: workflow.is_driven)
    short = str(workflow.id)[-8:]
    (look,) = manager.rows("erase", "workflow", short, "--dry-run")
    assert (look["workflows"], look["at_work_count"]) == ([str(workflow.id)], 1)
    assert "say --cancel" in manager.said("erase", "workflow", short, given="n\n", code=1)
    assert "under way" in manager.said("erase", "workflow", short, "--yes", code=75)
    (tmp_path / "gate").touch()
    said = manager.said("erase", "workflow", short, "--yes", "--cancel")
    assert "1 workflows. The certificate is in the audit log" in said
    assert str(workflow.id) not in {row["id"] for row in manager.rows("list")}
    (listed, *_) = json.loads(manager.said("erase", "list", "--json"))
    assert (listed["kind"], listed["target"], listed["requested_by"]) == ("workflow", str(workflow.id), "root")
    assert str(workflow.id) in manager.said("erase", "list")
    assert "name it by --project" in manager.said("erase", "subject", "anna@example.com", "--dry-run", code=64)
    (look,) = manager.rows("erase", "subject", "anna@example.com", "--project", "default", "--dry-run")
    assert look["workflow_count"] == 0


def test_without_a_gateway_it_is_said_to_be_away(terminal: Terminal) -> None:
    terminal.env["EOPIEZ_URL"] = "ftp://example.com"
    assert "is no URL of a gateway" in terminal.said("list", code=64)
