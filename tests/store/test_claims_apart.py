"""Workflows that the database refuses to claim: the others are claimed nevertheless."""

from __future__ import annotations

import pytest

from eopiez_ray.errors import WriteRefusedError
from eopiez_ray.model.ids import WorkflowId
from eopiez_ray.store import Database
from eopiez_ray.store.ledger import LOWEST
from eopiez_ray.store.queries import sql
from eopiez_ray.store.workflows import Workflows

from .given import Drivers, create

TRIGGER = """
create function refuse_one() returns trigger language plpgsql as $$
begin
    if new.labels ? 'unlucky' and ({condition}) then
        raise {error} using message = 'sabotage';
    end if;
    return new;
end
$$;
create trigger refuse_one before update on workflows for each row execute function refuse_one();
"""
WHEN_CLAIMED, ALWAYS = "new.holder is not null", "true"
REFUSED, CANCELLED = "numeric_value_out_of_range", "query_canceled"
DROP = "drop trigger refuse_one on workflows"


async def execute(database: Database, statements: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(statements)


async def among_others(database: Database) -> tuple[WorkflowId, list[WorkflowId]]:
    """An unlucky one, which comes first, and good ones."""
    unlucky = await create(database, labels={"unlucky": "yes"}, priority=5)
    return unlucky, [await create(database) for _ in range(5)]


async def status(database: Database, workflow: WorkflowId) -> str:
    return str((await Workflows(database).get(workflow)).status)


async def test_one_that_cannot_be_claimed_is_quarantined_alone(database: Database, drivers: Drivers) -> None:
    unlucky, good = await among_others(database)
    await execute(database, TRIGGER.format(condition=WHEN_CLAIMED, error=REFUSED))
    driver = await drivers.start()
    assert await driver.claim() == good
    view = await Workflows(database).get(unlucky)
    assert view.status == "quarantined"
    assert view.error is not None
    assert "sabotage" in view.error["message"]
    await execute(database, DROP)
    await Workflows(database).retry(unlucky)
    assert await driver.claim() == [unlucky]


async def test_named_ones_are_claimed_beside_one_that_cannot_be(database: Database, drivers: Drivers) -> None:
    unlucky, good = await among_others(database)
    bystander = await create(database)
    await execute(database, TRIGGER.format(condition=WHEN_CLAIMED, error=REFUSED))
    driver = await drivers.start()
    claims = await driver.ledger.claim(driver.id, [unlucky, *good], 10)
    assert [claim.id for claim in claims] == good
    assert await status(database, unlucky) == "quarantined"
    assert await status(database, bystander) == "queued"


async def test_one_that_cannot_even_be_quarantined_hides_nobody(database: Database, drivers: Drivers) -> None:
    unlucky, good = await among_others(database)
    await execute(database, TRIGGER.format(condition=ALWAYS, error=REFUSED))
    driver = await drivers.start()
    assert await driver.ledger.claim(driver.id, None, 1) == []
    claimed = [claim.id for _ in good for claim in await driver.ledger.claim(driver.id, None, 1)]
    assert claimed == good
    await execute(database, DROP)
    assert await driver.claim() == [unlucky]


async def test_one_whose_claim_takes_too_long_stays_queued(database: Database, drivers: Drivers) -> None:
    """As with a time limit of the server's, on a busy day."""
    unlucky, good = await among_others(database)
    await execute(database, TRIGGER.format(condition=WHEN_CLAIMED, error=CANCELLED))
    driver = await drivers.start()
    assert await driver.claim() == good
    assert await status(database, unlucky) == "queued"
    await execute(database, DROP)
    assert await driver.claim() == [unlucky]


async def test_turns_that_cannot_be_computed_stop_no_claim(database: Database, drivers: Drivers) -> None:
    """As with a weight that a division cannot bear."""
    queued = {await create(database, owner=owner) for owner in ("anna", "ben")}
    await execute(database, "update projects set weight = 5e-324")
    driver = await drivers.start()
    with pytest.raises(WriteRefusedError, match="overflow"):
        await database.fetch(sql("claim"), driver.id, 10, [], [], [], LOWEST)
    assert set(await driver.claim()) == queued
