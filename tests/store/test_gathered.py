"""What many ask for at once is read by few statements, and nobody gets an answer older than the question."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from eopiez_ray.store.gathered import MOST_KEYS, MOST_READERS, Gathered


class Shelf:
    """Values that change, read as slowly as a test wants."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.reads: list[set[str]] = []
        self.broken: set[str] = set()
        self.gate, self.begun = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def read(self, keys: Collection[str]) -> dict[str, int]:
        self.reads.append(set(keys))
        self.begun.set()
        found = {key: self.values[key] for key in keys if key in self.values}
        await self.gate.wait()
        if self.broken & set(keys):
            raise ValueError("refused")
        return found


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def test_those_who_ask_meanwhile_share_the_next_read(shelf: Shelf) -> None:
    shelf.values, gathered = {"a": 1, "b": 2}, Gathered(shelf.read)
    shelf.gate.clear()
    first = [asyncio.create_task(gathered.get("a")) for _ in range(MOST_READERS)]
    await shelf.begun.wait()
    rest = [asyncio.create_task(gathered.get(key)) for key in ("a", "b", "c") for _ in range(20)]
    await asyncio.sleep(0)
    shelf.gate.set()
    assert await asyncio.gather(*first) == [1] * MOST_READERS
    assert await asyncio.gather(*rest) == [1] * 20 + [2] * 20 + [None] * 20
    assert len(shelf.reads) <= MOST_READERS + 2


async def test_an_answer_is_never_older_than_its_question(shelf: Shelf) -> None:
    shelf.values, gathered = {"a": 1}, Gathered(shelf.read)
    shelf.gate.clear()
    early = [asyncio.create_task(gathered.get("a")) for _ in range(3)]
    await shelf.begun.wait()
    shelf.values["a"] = 2
    late = asyncio.create_task(gathered.get("a"))
    await asyncio.sleep(0)
    shelf.gate.set()
    assert await late == 2
    assert (await asyncio.gather(*early))[0] == 1


@pytest.mark.parametrize("turns", range(5))
async def test_who_asks_just_as_all_readers_end_is_answered(shelf: Shelf, turns: int) -> None:
    shelf.values, gathered = {"a": 1}, Gathered(shelf.read)
    shelf.gate.clear()
    early = []
    for _ in range(MOST_READERS):
        early.append(asyncio.create_task(gathered.get("a")))
        await asyncio.sleep(0.01)
    assert len(shelf.reads) == MOST_READERS
    shelf.gate.set()
    for _ in range(turns):  # Of the event loop, between the end of the reads and the question.
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await gathered.get("a") == 1
    assert await asyncio.gather(*early) == [1] * MOST_READERS


async def test_a_key_whose_read_fails_does_not_hurt_others(shelf: Shelf) -> None:
    shelf.values, shelf.broken, gathered = {"a": 1, "b": 2}, {"b"}, Gathered(shelf.read)
    answers = await asyncio.gather(*map(gathered.get, ("a", "b", "c")), return_exceptions=True)
    assert answers[0] == 1
    assert isinstance(answers[1], ValueError)
    assert answers[2] is None
    shelf.broken.clear()
    assert await gathered.get("b") == 2


async def test_who_gives_up_waiting_does_not_disturb_others(shelf: Shelf) -> None:
    shelf.values, gathered = {"a": 1}, Gathered(shelf.read)
    shelf.gate.clear()
    impatient, patient = (asyncio.create_task(gathered.get("a")) for _ in range(2))
    await shelf.begun.wait()
    impatient.cancel()
    shelf.gate.set()
    assert await patient == 1
    assert impatient.cancelled() or await asyncio.wait({impatient})


async def test_one_statement_reads_so_many_keys_at_most(shelf: Shelf) -> None:
    keys = [str(number) for number in range(3 * MOST_KEYS)]
    shelf.values, gathered = {key: int(key) for key in keys}, Gathered(shelf.read)
    assert await asyncio.gather(*map(gathered.get, keys)) == list(map(int, keys))
    assert max(map(len, shelf.reads)) <= MOST_KEYS
