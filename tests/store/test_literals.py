"""Columns come out of Postgres as they went in."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eopiez_ray.errors import WriteRefusedError
from eopiez_ray.store import Database, literals

quickly = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@quickly
@given(
    integers=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    floats=st.lists(st.floats(allow_nan=False)),
    booleans=st.lists(st.booleans()),
    strings=st.lists(texts),
    binaries=st.lists(st.none() | st.binary()),
    documents=st.lists(st.none() | st.dictionaries(texts, texts | st.integers(-9, 9) | st.none())),
)
async def test_columns_come_back_as_they_were(
    database: Database,
    integers: list[int | None],
    floats: list[float],
    booleans: list[bool],
    strings: list[str],
    binaries: list[bytes | None],
    documents: list[dict[str, object] | None],
) -> None:
    statement = """
        select
            $1::text::bigint[], $2::text::double precision[], $3::text::boolean[], $4::text::text[],
            $5::text::bytea[], $6::text::jsonb[]
    """
    row = await database.fetchrow(
        statement,
        literals.numbers(integers),
        literals.numbers(floats),
        literals.booleans(booleans),
        literals.texts(strings),
        literals.binaries(binaries),
        literals.documents(documents),
    )
    assert row is not None
    assert list(row) == [integers, floats, booleans, strings, binaries, documents]


async def test_what_is_no_number_is_one_to_postgres_too(database: Database) -> None:
    row = await database.fetchrow("select $1::text::double precision[]", literals.numbers([math.nan, math.inf]))
    assert row is not None
    assert str(row[0]) == "[nan, inf]"


async def test_plain_texts_are_only_for_plain_texts(database: Database) -> None:
    row = await database.fetchrow("select $1::text::text[]", literals.plain(["queued", "a-b_1"]))
    assert row is not None
    assert row[0] == ["queued", "a-b_1"]
    with pytest.raises(WriteRefusedError):
        await database.fetch("select $1::text::text[]", literals.plain(['"']))
