"""The built-in rules on a real database: their causes happen, and the alerts are there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.errors import ArtifactDamagedError, ArtifactError, ArtifactMissingError, CertificateError
from eopiez_ray.model.audit import Entry, Outcome
from eopiez_ray.model.tasks import Output
from eopiez_ray.monitoring import catalogue
from eopiez_ray.monitoring.alerts.built_in import BUILT_IN
from eopiez_ray.monitoring.alerts.rules import to_document
from eopiez_ray.monitoring.certificates import CertificateLook
from eopiez_ray.monitoring.processes import count_dealings
from eopiez_ray.store import Database
from eopiez_ray.store.audit import AuditLog
from eopiez_ray.store.audit_watch import AuditWatch
from eopiez_ray.tls import Pair
from tests.certificates import certified
from tests.monitoring.conftest import Post

from .conftest import House


async def firing(house: House) -> dict[str, dict[str, str]]:
    """The rules that fire, each with the labels of its alert."""
    return {
        alert.rule: dict(alert.labels) for alert in await house.alerts() if alert.fired_at and not alert.resolved_at
    }


async def looked(database: Database, *names: str) -> House:
    """A house in which only these built-in rules hold, without waiting."""
    house = House(database)
    await house.quiet()
    now = [BUILT_IN[name].model_copy(update={"hold": 0.0}) for name in names]
    await house.have(*now)
    return house


async def test_a_certificate_that_ends_soon_is_noticed(database: Database, tmp_path: Path) -> None:
    house = await looked(database, "certificate-ends-soon", "certificate-ends")
    made = certified(tmp_path, days=30)
    look = CertificateLook(house.post.meter, Pair(made.certificate, made.key))

    async def firing_with(days: float) -> set[str]:
        made.renew(days)
        await look.sample()
        await house.post.report()
        await house.post.fold()
        await house.look((datetime.now(UTC) - house.began).total_seconds())
        return {*await firing(house)}

    assert await firing_with(30) == set()
    assert await firing_with(2) == {"certificate-ends-soon", "certificate-ends"}
    read = await house.post.samples.latest(catalogue.CERTIFICATE_LEFT, projects=None)
    assert read == {(): pytest.approx(2 * 86_400, abs=60)}
    made.key.unlink()
    with pytest.raises(CertificateError, match=r"tls\.key cannot be read: no such file"):
        await look.sample()
    await house.alerting.close()


def refused(action: str = "session.create", **facts: Any) -> Entry:
    return replace(Entry(action, Outcome.REFUSED, actor="anna", address="192.0.2.7"), **facts)


async def test_guessing_of_passwords_is_noticed(database: Database) -> None:
    house = await looked(database, "passwords-guessed", "account-attacked", "refusals-many")
    await AuditLog(database).append([refused() for _ in range(9)])
    await house.look(0)
    assert await firing(house) == {}
    await AuditLog(database).append([refused()])
    await house.look(3)
    assert await firing(house) == {"passwords-guessed": {"address": "192.0.2.7"}}
    await AuditLog(database).append([refused(address=f"198.51.100.{number}") for number in range(20)])
    await house.look(100)
    assert (await firing(house))["account-attacked"] == {"actor": "anna"}
    await house.alerting.close()


async def test_a_refresh_token_that_is_used_twice_is_noticed(database: Database) -> None:
    house = await looked(database, "refresh-token-reused", "privileges-changed")
    await AuditLog(database).append([refused("session.reuse"), Entry("user.update", actor="root")])
    await house.look()
    assert await firing(house) == {"refresh-token-reused": {"actor": "anna"}, "privileges-changed": {"actor": "root"}}
    await house.alerting.close()


async def tampered(database: Database, statement: str) -> None:
    """Change the audit log as somebody can who may do anything in the database."""
    intruder = await asyncpg.connect(database.url)
    await intruder.execute("set search_path to eopiez; alter table audit disable trigger audit_is_append_only")
    await intruder.execute(statement)
    await intruder.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set actor = 'nobody' where seq = 3",
        "delete from audit where seq = 3",
        "delete from audit where seq > 3",
        "delete from audit",
    ],
)
async def test_a_broken_audit_chain_is_noticed(database: Database, statement: str) -> None:
    house = await looked(database, "audit-log-broken")
    watch = AuditWatch(database)
    await AuditLog(database).append([Entry(f"thing.{number}") for number in range(6)])
    for _ in range(3):
        await watch.look()
    await house.look(0)
    assert await firing(house) == {}
    await tampered(database, statement)
    for _ in range(2):
        await watch.look()
    await house.look(3)
    assert "audit-log-broken" in await firing(house)
    await watch.look()
    assert await AuditWatch(database).faults() > 0
    await house.alerting.close()


async def test_the_audit_log_grows_while_it_is_verified(database: Database) -> None:
    watch, audit = AuditWatch(database), AuditLog(database)
    for turn in range(5):
        await asyncio.gather(watch.look(), *(audit.append([Entry(f"thing.{turn}")]) for _ in range(3)))
    assert await watch.faults() == 0


async def measured(post: Post) -> None:
    """Let what was measured become samples."""
    await post.report()
    await post.fold()


async def test_resources_that_run_out_are_noticed(database: Database) -> None:
    names = ("disk-full-soon", "disk-full", "memory-short", "cpu-saturated", "backlog-old", "orchestrator-gone")
    house = await looked(database, *names)
    meter = house.post.meter
    for metric, state, value in (
        (catalogue.NODE_DISK, "free", 3.0), (catalogue.NODE_DISK, "used", 97.0),
        (catalogue.NODE_MEMORY, "available", 1.0), (catalogue.NODE_MEMORY, "used", 99.0),
    ):  # fmt: skip
        meter.note(metric, value, ("rack-1", state))
    meter.note(catalogue.NODE_CPU, 0.99, ("rack-1",))
    meter.note(catalogue.QUEUE_AGE, 4000.0, ("blue",))
    meter.note(catalogue.ORCHESTRATORS, 0.0)
    await measured(house.post)
    await house.look(0)
    found = await firing(house)
    assert found.keys() == {*names}
    assert (found["disk-full"], found["backlog-old"]) == ({"node": "rack-1"}, {"project": "blue"})
    assert [alert.project for alert in await house.alerts() if alert.rule == "backlog-old"] == ["blue"]
    await house.alerting.close()


async def test_errors_and_slowness_are_noticed(database: Database) -> None:
    names = ("workflows-fail", "workflow-quarantined", "api-slow", "api-budget-burns", "artifacts-unreachable")
    house = await looked(database, *names)
    meter = house.post.meter
    meter.add(catalogue.ENDED, 8, ("blue", "succeeded", ""))
    meter.add(catalogue.ENDED, 4, ("blue", "quarantined", ""))
    meter.add(catalogue.HTTP_REQUESTS, 900, ("GET", "/v1/workflows", "200"))
    meter.add(catalogue.HTTP_REQUESTS, 100, ("GET", "/v1/workflows", "500"))
    meter.observe(catalogue.HTTP_SECONDS, 4.0, ("/v1/workflows", "GET"), times=50)
    meter.add(catalogue.ARTIFACT_FAILURES)
    await measured(house.post)
    await house.look(0)
    assert (await firing(house)).keys() == {*names}
    await house.alerting.close()


async def test_a_damaged_artifact_is_noticed_and_a_missing_one_is_not(database: Database, tmp_path: Path) -> None:
    house = await looked(database, "artifacts-damaged")
    written, reader = Artifacts(str(tmp_path)), Artifacts(str(tmp_path))
    lost, damaged = written.store("x" * 100_000), written.store("y" * 100_000)

    async def firing_after(output: Output, error: type[ArtifactError], at_s: float) -> set[str]:
        with pytest.raises(error):
            reader.load(output)
        count_dealings(house.post.meter, reader.dealings.take())
        await measured(house.post)
        await house.look(at_s)
        return {*await firing(house)}

    (tmp_path / lost.digest.hex()[:2] / lost.digest.hex()[2:]).unlink()
    assert await firing_after(lost, ArtifactMissingError, 0) == set()
    (tmp_path / damaged.digest.hex()[:2] / damaged.digest.hex()[2:]).write_bytes(b"z" * damaged.size)
    assert await firing_after(damaged, ArtifactDamagedError, 3) == {"artifacts-damaged"}
    await house.alerting.close()


async def test_all_is_well_where_nothing_is_wrong(database: Database) -> None:
    house = House(database)
    meter = house.post.meter
    meter.note(catalogue.ORCHESTRATORS, 1.0)
    meter.note(catalogue.PROCESSES, 1.0, ("gateway",))
    meter.note(catalogue.NODE_DISK, 50.0, ("rack-1", "free"))
    meter.note(catalogue.NODE_DISK, 50.0, ("rack-1", "used"))
    meter.add(catalogue.ENDED, 12, ("blue", "succeeded", ""))
    meter.add(catalogue.HTTP_REQUESTS, 1000, ("GET", "/v1/workflows", "200"))
    await measured(house.post)
    await house.look(0)
    assert await house.alerts() == []
    await house.alerting.close()


async def test_a_rule_of_the_system_takes_the_place_of_a_built_in_one(database: Database) -> None:
    house = await looked(database)
    document = to_document(BUILT_IN["backlog-old"]) | {"for": 0}
    document["when"] = document["when"] | {"above": 10, "clear": 5}
    await house.desk.put_rules(None, {"backlog-old": document}, "anna")
    house.post.meter.note(catalogue.QUEUE_AGE, 11.0, ("blue",))
    await measured(house.post)
    await house.look(0)
    assert await firing(house) == {"backlog-old": {"project": "blue"}}
    await house.alerting.close()


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_rule_says_what_is_wrong(name: str) -> None:
    summary = BUILT_IN[name].summary
    assert summary.endswith(".")
    assert summary[0].isupper() or summary[0] == "$"
