"""Words: where they are, what they are, in any script."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.phases.schemas import TOKENS
from eopiez_ray.phases.text import normalize, tokenize


def documents(texts: list[str]) -> pa.Table:
    return pa.table({"document_id": [f"d{i}" for i in range(len(texts))], "text": pa.array(texts, pa.string())})


def words(text: str) -> list[str]:
    return list(tokenize(documents([text])).column("tokens")[0].as_py())


def surfaces(texts: list[str]) -> list[list[str]]:
    rows = tokenize(documents(texts)).to_pylist()
    return [
        [t[s:e] for s, e in zip(row["starts"], row["ends"], strict=True)] for t, row in zip(texts, rows, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop", ["don't", "stop"]),
        ("Long-term snake_case", ["long", "term", "snake_case"]),
        ("3.14 and 1,000.", ["3.14", "and", "1,000"]),
        ("John's L’ÉTÉ", ["john", "l'été"]),
        ("ﬁne CAFE\u0301", ["fine", "café"]),
        ("北京大学", ["北京", "京大", "大学"]),
        ("中", ["中"]),
        ("ไทย", ["ไท", "ทย"]),
        ("co\u00adoperate", ["cooperate"]),
        ("... !!! ---", []),
        ("", []),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.lists(st.text(max_size=40), max_size=8))
def test_offsets_give_the_surface_of_each_word(texts: list[str]) -> None:
    tokens = tokenize(documents(texts)).column("tokens").to_pylist()
    assert [[normalize(surface) for surface in row] for row in surfaces(texts)] == tokens


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_a_document_is_tokenized_as_it_would_be_alone(texts: list[str]) -> None:
    together = tokenize(documents(texts)).column("tokens").to_pylist()
    assert together == [words(text) for text in texts]


def test_no_documents_give_an_empty_table() -> None:
    assert tokenize(documents([])).schema == TOKENS


def test_a_hundred_thousand_tiny_documents_are_fast() -> None:
    started = time.process_time()
    found = tokenize(documents([f"tiny document {i}" for i in range(100_000)]))
    assert found.num_rows == 100_000
    assert time.process_time() - started < 5
