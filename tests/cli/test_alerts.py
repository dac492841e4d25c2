"""``eopiez alerts`` on this machine's own system, and on one elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app
from eopiez_ray.gateway.app import create_app
from eopiez_ray.model.access import Role
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from tests.gateway.conftest import listening, running
from tests.gateway.identity.browsing import Site
from tests.monitoring.alerts.conftest import KEY, House
from tests.monitoring.alerts.receiving import hooked

RULES = """
rules:
  - name: too-many-failures
    when:
      kind: ratio
      part: {metric: eopiez_workflows_ended_total, where: {status: failed}}
      whole: {metric: eopiez_workflows_ended_total}
      window: 15m
      above: 0.2
    for: 5m
    severity: critical
    summary: Of all workflows, the part $value fails.
  - name: noise
    when: {kind: events, source: workflows, where: {kind: noise}, above: 0}
    summary: "\\e[2J $value noises"
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return str(path)


@pytest_asyncio.fixture(loop_scope="session")
async def house(database: Database, home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """This machine's own system."""
    monkeypatch.setenv("EOPIEZ_HOME", str(home))
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", database.url)
    monkeypatch.setenv("EOPIEZ_SECRET_KEY", KEY)
    monkeypatch.setenv("EOPIEZ_ALERT_TARGETS", '["127.0.0.1"]')
    monkeypatch.setenv("COLUMNS", "200")
    made = House(database)
    yield made
    await made.alerting.close()


async def eopiez(*arguments: str, code: int = 0, given: str | None = None) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, app, ["alerts", *arguments], given)
    assert result.exit_code == code, result.output
    return result


async def test_a_file_of_rules_is_checked_and_written(house: House, rules: str) -> None:
    assert (await eopiez("check", rules)).stdout == "Right: 2 rules.\n"
    assert "2 rules written" in (await eopiez("apply", rules)).stderr
    assert "2 rules written" in (await eopiez("apply", "-", given=RULES)).stderr
    again = yaml.safe_load((await eopiez("rules")).stdout)["rules"]
    assert [rule["name"] for rule in again] == ["too-many-failures", "noise"]
    assert again[0]["for"] == 300
    (stored, _) = await house.desk.all_rules()
    assert stored.version == 2
    await eopiez("delete", "noise")
    assert [rule.name for rule in await house.desk.all_rules()] == ["too-many-failures"]
    assert "there is no rule 'noise'" in (await eopiez("delete", "noise", code=64)).stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "rules: [{name: a, when: {kind: absence, metric: nothing}}]",
            "rule 'a'.when.absence: Value error, there is no",
        ),
        ("rules: [{name: a, whn: 1}]", "rule 'a'.when: Field required"),
        ("rules: [{when: {kind: audit_chain}}]", "rule 1.name: Field required"),
        ("rules: [1, 2", "is no YAML"),
        ("rules: [&a {name: a}, *a]", "has aliases"),
        ("[" * 2000, "is no YAML"),
        ("", "the file: Input should be"),
        ("rules: []\nrule: 1", "rule: Extra inputs"),
    ],
)
async def test_a_file_that_is_wrong_says_where(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    assert said in (await eopiez("check", str(path), code=64)).stderr


async def test_a_project_may_not_look_at_the_system(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("rules: [{name: a, when: {kind: audit_chain}}]")
    assert "cannot be a project's" in (await eopiez("check", str(path), "--project", "blue", code=64)).stderr


async def test_rules_are_exported_for_prometheus(house: House, rules: str) -> None:
    await eopiez("apply", rules)
    result = await eopiez("export", "--prometheus")
    names = [rule["alert"] for rule in yaml.safe_load(result.stdout)["groups"][0]["rules"]]
    assert "too-many-failures" in names
    assert "disk-full" in names
    assert "noise" in result.stderr
    assert yaml.safe_load((await eopiez("export")).stdout)["rules"][0]["name"] == "api-slow"


async def test_alerts_are_listed_and_acknowledged(house: House, rules: str) -> None:
    assert "Nothing is wrong" in (await eopiez("list")).stderr
    await house.quiet()
    await eopiez("apply", rules)
    await house.happens("noise")
    await house.look()
    assert "\\x1b[2J 1 noises" in (await eopiez("list")).stdout
    alert = json.loads((await eopiez("list", "--json")).stdout)
    await eopiez("acknowledge", alert["id"], "--comment", "on it")
    assert json.loads((await eopiez("list", "--json")).stdout)["comment"] == "on it"
    assert "no alert's id" in (await eopiez("acknowledge", "1", code=64)).stderr
    actions = [row["action"] for row in await house.database.fetch("select action from audit order by seq")]
    assert actions == ["put_alert_rule", "acknowledge_alert"]


async def test_a_channel_is_written_and_tried(house: House) -> None:
    assert "nobody is told" in (await eopiez("channels")).stderr
    async with hooked() as hook:
        await eopiez("channel", "here", "--severity", "warning", "--signed", given=f"{hook.url}\nsixteen characters\n")
        assert (await eopiez("test", "here")).stdout == "Delivered.\n"
        hook.answers = [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"]
        assert "status 500" in (await eopiez("test", "here", code=1)).stderr
        await eopiez("channel", "pagers", "--alertmanager", given=f"{hook.url}\n")
        assert (await eopiez("test", "pagers")).stdout == "Delivered.\n"
        assert hook.paths[-1] == "/alerts/api/v2/alerts"
    listed = (await eopiez("channels")).stdout
    assert "here" in listed
    assert hook.url not in listed
    assert "no channel 'there'" in (await eopiez("test", "there", code=64)).stderr
    assert "EOPIEZ_ALERT_TARGETS" in (await eopiez("channel", "far", given="http://10.0.0.1/\n", code=64)).stderr


async def test_a_silence_is_for_a_while(house: House) -> None:
    assert "Silent until" in (await eopiez("silence", "12h", "--rule", "noise", "--label", "node=a")).stderr
    (silence,) = await house.desk.silences(None, house.began)
    assert (silence.rule, silence.labels) == ("noise", {"node": "a"})
    assert "noise" in (await eopiez("silences")).stdout
    await eopiez("unsilence", str(silence.id))
    assert "Nothing is silenced" in (await eopiez("silences")).stderr
    assert "there is no silence" in (await eopiez("unsilence", str(silence.id), code=64)).stderr
    assert "NAME=VALUE" in (await eopiez("silence", "1h", "--label", "node", code=64)).stderr


async def test_the_same_works_elsewhere(
    database_url: str, home: Path, rules: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=home, database_url=database_url, alert_targets=("127.0.0.1",))
    async with running(create_app(settings)) as served, listening(served) as url, hooked() as hook:
        client = await Site(served).administrator()
        await Site(served).member("anna", Role.ADMINISTRATOR)
        monkeypatch.setenv("EOPIEZ_URL", url.removesuffix("/v1"))
        monkeypatch.setenv("EOPIEZ_TOKEN", client.headers["Authorization"].removeprefix("Bearer "))
        for _ in range(2):
            await eopiez("apply", rules)
        assert [each["name"] for each in yaml.safe_load((await eopiez("rules")).stdout)["rules"]] == [
            "noise", "too-many-failures",
        ]  # fmt: skip
        await eopiez("channel", "here", "--project", "default", given=f"{hook.url}\n")
        assert (await eopiez("test", "here", "--project", "default")).stdout == "Delivered.\n"
        assert "here" in (await eopiez("channels", "--project", "default")).stdout
        await eopiez("silence", "1h")
        (silence,) = (await eopiez("silences", "--json")).stdout.splitlines()
        await eopiez("unsilence", json.loads(silence)["id"])
        await eopiez("delete", "noise")
        await eopiez("list", "--all")
