"""From the cause to the message, over a real database, mail server and webhook, and over deaths in between."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from eopiez_ray.errors import NotDeliveredError
from eopiez_ray.model.alerts import AlertStatus
from eopiez_ray.monitoring.alerts import delivery
from eopiez_ray.monitoring.alerts.alerting import Alerting
from eopiez_ray.monitoring.alerts.channels import Channel
from eopiez_ray.monitoring.alerts.sending import Sender
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from eopiez_ray.store.projects import Projects
from tests.waiting import until

from .conftest import House, hushed
from .given import rule
from .receiving import FAILED, HANGS_UP, MOVED, NEVER, OK, Hook, hooked, mailing

SECRET = "a secret that signs"


@pytest_asyncio.fixture(loop_scope="session")
async def hook() -> AsyncIterator[Hook]:
    async with hooked() as made:
        yield made


async def test_a_cause_becomes_an_alert_and_its_end_is_told(house: House, hook: Hook) -> None:
    await house.tell(hook.url, secret=SECRET)
    await house.look(0)
    assert await house.alerts() == []
    await house.happens("noise", times=3)
    await house.look(3)
    await house.empty()
    await hushed(house)
    for seconds in (10, 60, 70):
        await house.look(seconds)
    await house.empty()
    (alert,) = await house.alerts()
    assert (alert.status, alert.value, alert.rule) == (AlertStatus.RESOLVED, 3.0, "loud")
    assert hook.titles == ["FIRING: loud", "RESOLVED: loud"]
    assert hook.told[0]["alerts"][0]["id"] == str(alert.id)
    kinds = [happening.kind for _, happening in await house.store.history(alert.id, 0, 100)]
    assert kinds == ["fired", "told", "resolved", "told"]


async def test_what_is_sent_is_signed(house: House, hook: Hook) -> None:
    await house.tell(hook.url, secret=SECRET)
    await house.happens("noise")
    await house.look()
    await house.empty()
    (headers,), (body,) = hook.headers, hook.bodies
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert SECRET not in str(await house.database.fetch("select * from alert_channels"))


async def test_what_fails_is_sent_again_until_it_is_taken(
    house: House, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LONGEST_PAUSE_S", 0.01)
    hook.answers = [FAILED, HANGS_UP, MOVED, FAILED + OK]
    await house.tell(hook.url)
    await house.happens("noise")
    await house.look()
    await house.empty()
    assert len(hook.bodies) == 5
    assert len({headers["webhook-id"] for headers in hook.headers}) == 1
    channel = await house.desk.channel(None, "here")
    assert channel is not None
    (sent,) = await house.store.deliveries(channel.id)
    assert (sent.attempts, sent.error, sent.delivered_at is not None) == (5, "", True)


async def test_who_answers_twice_is_told_once(house: House, hook: Hook) -> None:
    hook.answers = [OK + OK]
    await house.tell(hook.url)
    await house.happens("noise")
    await house.look()
    await house.empty()
    await house.deliver()
    assert len(hook.bodies) == 1


async def test_who_is_slow_keeps_nobody_waiting(house: House, hook: Hook) -> None:
    async with hooked() as slow:
        slow.answers = [NEVER]
        await house.tell(slow.url, name="slow")
        await house.tell(hook.url, name="quick")
        await house.happens("noise")
        await house.look()
        await house.alerting.deliverer.deliver()
        await until(lambda: hook.bodies and slow.bodies)
        (sent,) = await house.store.deliveries((await house.desk.channel(None, "quick")).id)  # type: ignore[union-attr]
        await until(lambda: _is_delivered(house, sent.id))
        slow.released.set()
        await house.alerting.deliverer.settle()


async def _is_delivered(house: House, message: int) -> bool:
    rows = await house.database.fetch("select delivered_at from alert_outbox where id = $1", message)
    return rows[0]["delivered_at"] is not None


async def test_messages_of_a_group_come_in_order(house: House, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LONGEST_PAUSE_S", 0.01)
    hook.answers = [FAILED] * 3
    await house.tell(hook.url)
    await house.happens("noise")
    await house.look(0)
    await hushed(house)
    for seconds in (10, 80):
        await house.look(seconds)
    await house.happens("noise")
    await house.look(90)
    await house.empty()
    assert hook.titles == ["FIRING: loud"] * 4 + ["RESOLVED: loud", "FIRING: loud"]


async def test_what_is_too_old_is_given_up_so_that_later_messages_get_through(house: House, hook: Hook) -> None:
    hook.answers = [FAILED]
    await house.tell(hook.url)
    await house.happens("noise")
    await house.look(0)
    await house.database.fetch("update alert_outbox set created_at = created_at - interval '2 days'")
    await hushed(house)
    for seconds in (10, 80):
        await house.look(seconds)
    await house.empty()
    assert hook.titles == ["FIRING: loud", "RESOLVED: loud"]
    rows = await house.database.fetch("select given_up_at is not null as is_given_up from alert_outbox order by id")
    assert [row["is_given_up"] for row in rows] == [True, False]


async def test_a_death_between_decision_and_delivery_loses_nothing_and_doubles_nothing(
    house: House, database: Database, hook: Hook
) -> None:
    await house.tell(hook.url)
    await house.happens("noise")
    await house.look(0)
    await house.post.station.watches.leave("system")
    other = House(database)
    for seconds in (3, 6):
        await other.look(seconds)
    await other.empty()
    await other.alerting.close()
    assert hook.titles == ["FIRING: loud"]
    assert len(await other.alerts()) == 1


async def test_a_death_during_delivery_is_made_good_after_a_lease(
    house: House, database: Database, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LEASE", timedelta(seconds=0.05))
    hook.answers = [NEVER]
    await house.tell(hook.url)
    await house.happens("noise")
    await house.look(0)
    await house.alerting.deliverer.deliver()
    await until(lambda: hook.bodies)
    await house.alerting.close()
    other = House(database)
    await other.empty()
    await other.alerting.close()
    assert hook.titles == ["FIRING: loud", "FIRING: loud"]
    assert len({headers["idempotency-key"] for headers in hook.headers}) == 1


async def test_two_that_evaluate_at_once_raise_one_alert(house: House, database: Database, hook: Hook) -> None:
    await house.tell(hook.url)
    await house.happens("noise")
    other = House(database)
    await asyncio.gather(*(each.look(second) for second in range(3) for each in (house, other)))
    await house.empty()
    await other.alerting.close()
    assert len(await house.alerts()) == 1
    assert hook.titles == ["FIRING: loud"]


async def test_who_lost_the_watch_writes_nothing(house: House, hook: Hook) -> None:
    await house.tell(hook.url)
    await house.happens("noise")
    await house.post.station.watch()
    await house.database.fetch("update watches set holder = gen_random_uuid(), lease_until = now() + interval '1 day'")
    await house.alerting.evaluator.evaluate(house.began)
    assert await house.alerts() == []


async def test_mail_is_sent_and_sent_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LONGEST_PAUSE_S", 0.01)
    async with mailing(refusals=2) as (mailbox, port):
        await house.tell(f"mailto://127.0.0.1:{port}/?from=eopiez@example.com&to=anna@example.com&mode=insecure")
        await house.have(rule(when={"kind": "events", "source": "workflows", "above": 0}, summary="café: $value"))
        await house.happens("noise")
        await house.look()
        await house.empty()
    (mail,) = mailbox.mails
    assert "Subject: FIRING: loud" in mail
    assert "anna@example.com" in mail


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.2:9/", "EOPIEZ_ALERT_TARGETS"),
        ("http://169.254.169.254/latest", "EOPIEZ_ALERT_TARGETS"),
        ("http://[::1]/", "EOPIEZ_ALERT_TARGETS"),
        ("https://localhost:9/", "cannot be reached"),
        ("mailto://localhost:9/?from=a@b.c&to=a@b.c", "no address that EOPIEZ_ALERT_TARGETS allows"),
        ("json://127.0.0.1/", "alerts cannot be sent to json://"),
        ("syslog://", "alerts cannot be sent to syslog://"),
        ("slack://", "no URL of slack://"),
    ],
)
async def test_nothing_is_sent_where_nobody_allowed_it(url: str, reason: str) -> None:
    sender = Sender(("127.0.0.9",))
    with pytest.raises(NotDeliveredError, match=reason):
        await sender.send(Channel(name="a", url=url), "1", "title", "body", {})
    await sender.close()


async def test_by_default_no_private_address_is_told() -> None:
    sender = Sender(("*",))
    for host in ("127.0.0.1", "10.0.0.1", "192.168.1.1", "[fd00::1]"):
        with pytest.raises(NotDeliveredError, match="EOPIEZ_ALERT_TARGETS"):
            await sender.send(Channel(name="a", url=f"http://{host}/"), "1", "title", "body", {})
    await sender.close()


async def test_what_cannot_be_read_hurts_no_other(house: House, hook: Hook) -> None:
    await house.tell(hook.url)
    await house.tell(hook.url, name="broken")
    await house.database.fetch("update alert_channels set target = 'sealed:AAAA' where name = 'broken'")
    await house.desk.put_rules(None, {"bad": {"name": "bad", "when": {"kind": "nonsense"}}}, "tests")
    await house.happens("noise")
    await house.look()
    await until(lambda: _delivered(house, hook))
    broken = await house.desk.channel(None, "broken")
    assert broken is not None
    (waiting,) = await house.store.deliveries(broken.id)
    assert "EOPIEZ_SECRET_KEY" in waiting.error


async def _delivered(house: House, hook: Hook) -> bool:
    await house.deliver()
    return hook.titles == ["FIRING: loud"]


async def test_each_project_has_its_own_rules_and_hears_of_itself(house: House, hook: Hook) -> None:
    for project in ("blue", "red"):
        await Projects(house.database).create(project)
        await house.have(rule("own"), project=project)
        await house.tell(f"{hook.url}/{project}", project=project, title=f"{project}: $rule $project")
    await house.happens("steps", project="blue", times=2)
    await house.look()
    await house.empty()
    assert [(alert.rule_project, alert.project, alert.value) for alert in await house.alerts()] == [
        ("blue", "blue", 2.0)
    ]
    assert hook.titles == ["blue: own blue"]


async def test_alerts_end_when_their_rule_is_deleted(house: House) -> None:
    await house.happens("noise")
    await house.look(0)
    assert await house.desk.drop_rule(None, "loud")
    await house.look(3)
    (alert,) = await house.alerts()
    assert alert.status is AlertStatus.RESOLVED


async def test_an_acknowledgement_stays(house: House) -> None:
    await house.happens("noise")
    await house.look(0)
    (alert,) = await house.alerts()
    assert await house.store.acknowledge(alert.id, "anna", "on it")
    await house.look(3)
    (alert,) = await house.alerts()
    assert (alert.acknowledged_by, alert.comment, alert.status) == ("anna", "on it", AlertStatus.FIRING)


async def test_nothing_of_a_deleted_project_is_left_for_its_successor(house: House, hook: Hook) -> None:
    projects = Projects(house.database)
    await projects.create("blue")
    await house.have(rule("own"), project="blue")
    await house.tell(hook.url, project="blue")
    await house.happens("noise", project="blue")
    await house.look(0)
    assert "blue" in [alert.project for alert in await house.alerts()]
    await house.database.fetch("delete from workflows")
    await projects.delete("blue")
    await projects.create("blue")
    await house.look(3)
    assert [alert for alert in await house.alerts() if alert.project == "blue"] == []
    assert await house.desk.channel("blue", "here") is None


async def test_who_measures_nothing_is_not_told_so(database: Database) -> None:
    for is_measured in (True, False):
        house = House(database, metrics=is_measured)
        for seconds in (0, 60):
            await house.look(seconds)
        found = {alert.rule for alert in await house.alerts() if alert.status is AlertStatus.FIRING}
        assert ("metrics-absent" in found) is is_measured
        await house.post.station.watches.leave("system")
        await house.alerting.close()


@pytest.mark.parametrize(
    ("where", "count"),
    [({}, 5.0), ({"kind": ("noise",)}, 3.0), ({"kind": ("no*",)}, 3.0), ({"kind": ("noise", "cr*")}, 5.0),
     ({"project": ("blue",)}, 0.0), ({"kind": ("noise",), "project": ("def*",)}, 3.0)],
)  # fmt: skip
async def test_events_are_counted_by_what_they_are(
    house: House, where: dict[str, tuple[str, ...]], count: float
) -> None:
    await house.happens("noise", times=3)
    await house.happens("creak", times=2)
    assert await house.store.count_events("workflows", where, (), 300) == {(): count}


async def test_who_has_no_key_leaves_delivering_to_others(house: House, database: Database, hook: Hook) -> None:
    keyless = Alerting(house.post.station, Settings(alert_targets=("127.0.0.1",)))
    await house.tell(hook.url)
    await house.happens("noise")
    await house.post.station.watch()
    await keyless.evaluator.evaluate()
    await keyless.deliverer.deliver()
    await keyless.deliverer.settle()
    assert hook.titles == []
    await house.empty()
    await keyless.deliverer.deliver()
    await keyless.close()
    assert hook.titles == ["FIRING: loud"]


async def test_two_that_deliver_send_each_message_once(house: House, database: Database, hook: Hook) -> None:
    await house.tell(hook.url, group_by=["project"])
    loud = {"kind": "events", "source": "workflows", "by": ["project"], "above": 0}
    await house.have(rule(when=loud))
    for number in range(20):
        await house.happens("noise", project=f"p{number}")
    await house.look()
    other = House(database)
    while await house.database.fetch("select 1 from alert_outbox where delivered_at is null"):
        await asyncio.gather(house.deliver(), other.deliver())
    await other.alerting.close()
    assert len(hook.bodies) == 20


async def test_a_channel_is_sent_so_many_messages_at_once_and_no_more(
    house: House, database: Database, hook: Hook
) -> None:
    hook.answers = [NEVER] * 20
    await house.tell(hook.url, group_by=["project"])
    await house.have(rule(when={"kind": "events", "source": "workflows", "by": ["project"], "above": 0}))
    for number in range(20):
        await house.happens("noise", project=f"p{number}")
    await house.look()
    other = House(database)
    for _ in range(3):
        await asyncio.gather(*(each.alerting.deliverer.deliver() for each in (house, other)))
    rows = await house.database.fetch("select 1 from alert_outbox where attempts > 0")
    assert len(rows) == delivery.AT_ONCE_EACH
    await other.alerting.close()
