"""The chain of the audit log: whatever was done to it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

from eopiez_ray.model.audit import Entry, Fault, Finding, Head, Link, Outcome, linked, verified

AT = datetime(2026, 11, 29, 12, 0, 0, 1, tzinfo=UTC)
ENTRIES = [Entry("key.create", actor=f"user {number}", object=str(number), at=AT) for number in range(5)]


def chain() -> list[Link]:
    return linked(ENTRIES, Head())


def faults(links: list[Link]) -> list[Finding]:
    return list(verified(links))


def test_an_untouched_chain_has_no_faults() -> None:
    assert faults(chain()) == []


def test_a_chain_goes_on_from_its_head() -> None:
    first = linked(ENTRIES[:2], Head())
    rest = linked(ENTRIES[2:], Head(first[-1].seq, first[-1].hash))
    assert first + rest == chain()


def test_every_field_is_covered() -> None:
    changes = {
        "action": "x", "result": Outcome.REFUSED, "actor": "x", "actor_id": uuid4(), "object": "x", "project": "x",
        "address": "x", "request_id": "x", "details": {"a": "b"}, "at": AT + timedelta(microseconds=1),
    }  # fmt: skip
    assert set(changes) == set(Entry.__dataclass_fields__)
    for name, value in changes.items():
        links = chain()
        links[2] = replace(links[2], entry=replace(links[2].entry, **{name: value}))  # type: ignore[arg-type]
        assert faults(links) == [Finding(3, Fault.CHANGED)], name


def test_fields_do_not_run_into_each_other() -> None:
    one, other = (linked([Entry(action, actor=actor, at=AT)], Head()) for action, actor in (("ab", "c"), ("a", "bc")))
    assert one[0].hash != other[0].hash


def test_the_same_moment_elsewhere_is_the_same_row() -> None:
    zone = timezone(timedelta(hours=5))
    links = chain()
    links[1] = replace(links[1], entry=replace(links[1].entry, at=AT.astimezone(zone)))
    assert faults(links) == []


def test_a_missing_row_shows() -> None:
    links = chain()
    assert faults(links[:2] + links[3:]) == [Finding(4, Fault.MISSING)]
    assert faults(links[1:]) == [Finding(2, Fault.MISSING)]


def test_rows_in_another_order_show() -> None:
    links = chain()
    swapped = [replace(links[2], seq=2), replace(links[1], seq=3)]
    found = faults([links[0], *swapped, *links[3:]])
    assert Finding(2, Fault.REORDERED) in found


def test_a_row_that_was_made_up_shows() -> None:
    links = chain()
    made_up = linked([Entry("key.revoke", at=AT)], Head(2, links[1].hash))
    assert faults([*links[:2], *made_up, *links[3:]]) == [Finding(4, Fault.REORDERED)]
