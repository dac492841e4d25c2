"""Nothing that a workflow can contain is refused by Postgres, and what is kept comes back."""

from __future__ import annotations

import asyncio
import json
import math
import traceback
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eopiez_ray import Settings
from eopiez_ray.errors import DatabaseUnavailableError, ParameterError, PlanError, WriteRefusedError
from eopiez_ray.machine import (
    RecordAttempt,
    RecordEnd,
    RecordLoss,
    RecordTask,
    SetStatus,
    UpdateStep,
    WorkflowState,
)
from eopiez_ray.model.failures import failure_of
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.model.names import LONGEST, check_labels, check_name, check_priority
from eopiez_ray.model.plan import PlanSpec, Step, ordered
from eopiez_ray.model.requests import Request
from eopiez_ray.model.status import Outcome, WorkflowStatus
from eopiez_ray.model.tasks import Failure, LogLine, Reject, Report, TaskKey
from eopiez_ray.store import Batch, Database, Intake, Workflows, connect
from eopiez_ray.store.addresses import redacted
from eopiez_ray.store.encoding import LATEST, clean, moment, to_json

from ..machine.plans import codes, plan, step
from .given import PLAN, Driver, Drivers, result, wanted

TEXT = st.text(st.characters(), max_size=40)
"""Any code points, lone surrogates and NUL among them."""
NUMBER = st.floats() | st.integers() | st.integers(min_value=2**63, max_value=2**200)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


class Desk(NamedTuple):
    """One intake and one driver for all examples of a test, so that connections do not run out."""

    intake: Intake
    driver: Driver

    async def create(self, **options: Any) -> WorkflowId:
        (created,) = await self.intake.create(wanted(**options))
        return created.id

    async def claim(self, workflow: WorkflowId) -> int:
        """The epoch under which it is held now."""
        (claim,) = await self.driver.ledger.claim(self.driver.id, [workflow], 1)
        return claim.epoch


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database: Database, drivers: Drivers) -> Desk:
    return Desk(Intake(database), await drivers.start())


thoroughly = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def hostile(texts: list[str], moments: list[float]) -> list[Any]:
    """Commands that carry these everywhere where texts and moments may stand."""
    first, second, third = texts
    failure = Failure(first, second, third)
    rejects, logs = (Reject(first, second, third),), (LogLine(moments[0], first, second),)
    done = result(0, 0)._replace(rejects=rejects, logs=logs, started_at=moments[1], worker=third)
    failed = Report(TaskKey(0, 1), Outcome.FAILED, failure=failure, started_at=moments[0], logs=logs, worker=second)
    return [
        RecordTask(done),
        RecordAttempt(failed, 1, moments[1]),
        RecordEnd(Report(TaskKey(0, 2), Outcome.SUCCEEDED, rejects=rejects, logs=logs, is_last=True)),
        RecordLoss(2, first, second),
        UpdateStep(0),
        SetStatus(WorkflowStatus.FAILED, failure, 0, 1),
    ]


@thoroughly
@given(texts=st.lists(TEXT, min_size=3, max_size=3), moments=st.lists(st.floats(), min_size=2, max_size=2))
@example(texts=["\udcff", "\0", "\ud83d"], moments=[math.nan, math.inf])
@example(texts=["\\", '"', "{},"], moments=[-math.inf, 1e300])
async def test_whatever_a_task_says_is_written(
    database: Database, desk: Desk, texts: list[str], moments: list[float]
) -> None:
    workflow = await desk.create()
    epoch = await desk.claim(workflow)
    state = WorkflowState.restore(PLAN)
    state.steps[0].reason = texts[0]
    batch = Batch()
    batch.add(workflow, epoch, state, hostile(texts, moments))
    assert await desk.driver.ledger.commit(batch) == set()
    workflows = Workflows(database)
    (attempt,) = await workflows.attempts(workflow)
    assert (attempt.error_type, attempt.message, attempt.traceback) == tuple(map(clean, texts))
    assert {reject.reason for reject in await workflows.rejects(workflow)} == {clean(texts[1])}
    assert {line.message for line in await workflows.logs(workflow)} == {clean(texts[1])}
    assert [event.kind for event in await workflows.events(workflow)][-1] == "failed"
    view = await workflows.get(workflow)
    assert (view.error or {})["message"] == clean(texts[1])


@thoroughly
@given(parameters=st.dictionaries(TEXT, JSON, max_size=3), label=TEXT, why=TEXT)
@example(parameters={"a": math.nan, "b": -0.0, "c": 1e22, "\udcff": "\0"}, label="\0", why="\udcff")
async def test_parameters_labels_and_reasons_come_back(
    database: Database, desk: Desk, parameters: dict[str, Any], label: str, why: str
) -> None:
    made = plan(step("read", "source"))
    made = PlanSpec(made.name, (Step(**{**_fields(made), "parameters": parameters}),))
    code = codes(made)
    workflow = await desk.create(plan=made, code=code, labels={"key": label})
    workflows = Workflows(database)
    view = await workflows.get(workflow)
    kept = view.plan.steps[0].parameters
    assert kept.keys() == parameters.keys()
    assert [json.dumps(kept[key]) for key in parameters] == [json.dumps(value) for value in parameters.values()]
    assert view.plan.digest == made.digest
    assert view.labels == {"key": clean(label)}
    await workflows.pause(workflow, Request(by=why, why=why))
    asked = (await workflows.get(workflow)).request
    assert asked is not None
    assert asked.request.why == clean(why)


def _fields(made: PlanSpec) -> dict[str, Any]:
    only = made.steps[0]
    return {"name": only.name, "phase": only.phase, "inputs": only.inputs, "policy": only.policy}


@settings(max_examples=300, deadline=None)
@given(value=JSON)
def test_json_is_always_such_as_postgres_takes(value: Any) -> None:
    text = to_json(value)
    assert "\\u0000" not in text
    assert text.encode()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_json_of_anything_is_bounded_and_never_fails() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"deeper": deep}
    assert to_json(cycle).count("[") < 100
    assert len(to_json(deep)) < 5000
    assert json.loads(to_json({1: object(), "n": 10**5000})) == {
        "1": "a value of type object",
        "n": "an integer of 16610 bits",
    }


@settings(max_examples=300, deadline=None)
@given(text=TEXT)
def test_clean_text_is_utf8_and_other_text_stays(text: str) -> None:
    assert isinstance(clean(text).encode(), bytes)
    assert "\0" not in clean(text)
    if text.isprintable() and text.isascii():
        assert clean(text) == text


@given(seconds=st.floats())
def test_moments_are_within_the_calendar(seconds: float) -> None:
    bounded = moment(seconds)
    assert bounded is not None
    assert 0 <= bounded <= LATEST


async def test_a_huge_traceback_is_written_cut(desk: Desk) -> None:
    error = ValueError("y" * 100_000_000)
    error.add_note("z" * 10_000_000)
    failure = failure_of(error)
    assert sum(map(len, failure)) < 25_000
    workflow = await desk.create()
    batch = Batch()
    attempt = RecordAttempt(Report(TaskKey(0, 0), Outcome.FAILED, failure=failure), 1, None)
    batch.add(workflow, await desk.claim(workflow), WorkflowState.restore(PLAN), [attempt])
    assert await desk.driver.ledger.commit(batch) == set()


async def test_what_is_refused_is_told_to_its_caller_alone(database: Database) -> None:
    intake = Intake(database)
    offers = [intake.create(wanted(owner=f"o{number}")) for number in range(5)]
    poison = intake.create(wanted(priority=10**9))
    answers = await asyncio.gather(*offers, poison, return_exceptions=True)
    assert [isinstance(answer, BaseException) for answer in answers] == [False] * 5 + [True]
    assert isinstance(answers[-1], WriteRefusedError)
    assert len(await Workflows(database).page()) == 5


@pytest.mark.parametrize("name", ["", "plain", "größe", "x" * LONGEST])
def test_names_are_ordinary_text(name: str) -> None:
    check_name("the owner", name)


@pytest.mark.parametrize("name", ["a\0b", "\udcff", "two\nlines", "\x1b[31m", "x" * (LONGEST + 1), 7, None])
def test_other_names_are_refused_with_a_reason(name: Any) -> None:
    with pytest.raises(ParameterError, match="the owner"):
        check_name("the owner", name)
    with pytest.raises(PlanError, match="its name or version"):
        ordered("plan", [step(name, "source")])


def test_labels_and_priorities_are_checked() -> None:
    check_labels({"a": "\udcff\0"})
    check_priority(-(2**15))
    for wrong in ({"a": 3}, {"a": "x" * 20_000}, {"\0": "a"}):
        with pytest.raises(ParameterError, match="label"):
            check_labels(wrong)  # type: ignore[arg-type]
    for number in (2**15, 1.5, "1"):
        with pytest.raises(ParameterError, match="whole number"):
            check_priority(number)


SECRET = "s3cret"
ADDRESSES = [
    f"postgresql://u:{SECRET}@h/d",
    f"postgresql://u:{SECRET}/x@h/d",
    f"postgresql://u:{SECRET}#x@h/d",
    f"postgresql://u:{SECRET}?x@h/d",
    f"postgresql://u:{SECRET}%2F@h:1/d",
    f"postgresql://u:a@{SECRET}@h/d",
    f"postgresql://h/d?user=u&password={SECRET}",
    f"postgresql://h/d?password={SECRET}&sslmode=disable",
    f"postgresql://h:1/d?PGPASSWORD={SECRET}",
    f"host=h password={SECRET}",
    f"postgresql://u:{SECRET}@h:port/d",
    f"postgresql://u:{SECRET}@[::1/d",
]


@pytest.mark.parametrize("url", ADDRESSES)
async def test_a_password_is_never_shown(url: str) -> None:
    assert SECRET not in redacted(url)
    assert SECRET not in repr(Settings(database_url=url))
    with pytest.raises(DatabaseUnavailableError) as caught:
        await connect(url)
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    assert SECRET not in str(caught.value)
