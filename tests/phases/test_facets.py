"""What texts point at: found as people write it, counted exactly, merged with bounded memory."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.phases.facets import count_facets, facets_table, find_pointers, merge_facets
from eopiez_ray.phases.schemas import FACETS


def documents(texts: list[str]) -> pa.Table:
    return pa.table({"text": pa.array(texts, pa.string())})


def pointers(text: str) -> list[tuple[str, str]]:
    found = sorted((pointer.position, str(pointer.facet), pointer.value) for _, pointer in find_pointers([text]))
    return [(facet, value) for _, facet, value in found]


def table_of(*parts: list[str]) -> list[tuple[str, str, int, int]]:
    table = facets_table(merge_facets(map(count_facets, map(documents, parts))))
    assert table.schema.equals(FACETS)
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://www.Site.org:8080/a?b=c#d.", [("domain", "site.org")]),
        ("http://joe:secret@host.net/x and ftp://files.net", [("domain", "host.net"), ("domain", "files.net")]),
        ("nyti.ms/1a2b or bbc.co.uk, www2.site.de!", [("domain", "nyti.ms"), ("domain", "bbc.co.uk"),
                                                      ("domain", "site.de")]),
        ("write to Rob.Roe@site.org", []),
        ("RT @Joe_Doe: hi @ann!", [("mention", "@joe_doe"), ("mention", "@ann")]),
        ("#GoodNews, (#2024) #covid19 a#b C# ## #x", [("hashtag", "#goodnews"), ("hashtag", "#covid19")]),
        ("#include <x>\n#ifdef Y\n#line #ff00aa @09:0 #lines #facade", [("hashtag", "#lines"), ("hashtag", "#facade")]),
        ("http://site.org/#part #Über", [("domain", "site.org"), ("hashtag", "#über")]),
        ("good 👍🏽 👍 ❤️ ❤", [("emoji", "👍"), ("emoji", "👍"), ("emoji", "❤"), ("emoji", "❤")]),
        ("👩‍🚀🇩🇪🇫🇷", [("emoji", "👩‍🚀"), ("emoji", "🇩🇪"), ("emoji", "🇫🇷")]),
        ("→ ✓ 中文 — ①", []),
        ("file:///etc/hosts http://", []),
        ("", []),
    ],
)  # fmt: skip
def test_pointers_of_many_kinds(text: str, expected: list[tuple[str, str]]) -> None:
    assert pointers(text) == expected


def test_values_are_shown_as_most_people_write_them() -> None:
    rows = table_of(["#GoodNews and #goodnews", "#GoodNews"], ["#GOODNEWS", "nothing", "#other"])
    assert rows == [("hashtag", "#GoodNews", 3, 4), ("hashtag", "#other", 1, 1)]


def test_facets_come_in_order_and_the_most_widespread_values_first() -> None:
    rows = table_of(["👍 👍 👍 @ann x.com", "@bob y.com #tag y.com", "@bob"])
    assert rows == [
        ("domain", "y.com", 1, 2),
        ("domain", "x.com", 1, 1),
        ("mention", "@bob", 2, 2),
        ("mention", "@ann", 1, 1),
        ("hashtag", "#tag", 1, 1),
        ("emoji", "👍", 1, 3),
    ]


WORDS = st.sampled_from(["@ann", "@Ann", "#tag", "#Tag", "x.com", "X.com", "👍", "word", "\n"])
TEXTS = st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=9)


@given(TEXTS, st.integers(1, 4))
def test_counts_are_those_of_the_definition_however_the_collection_is_partitioned(texts: list[str], size: int) -> None:
    rows = table_of(*(texts[start : start + size] for start in range(0, len(texts), size)))
    words = [[word.casefold() for word in text.split() if word != "word"] for text in texts]
    assert {row[1].casefold(): row[3] for row in rows} == Counter(word for each in words for word in each)
    assert {row[1].casefold(): row[2] for row in rows} == Counter(word for each in words for word in set(each))
    assert rows == table_of(texts)


def test_merged_tables_are_bounded_and_keep_what_is_widespread() -> None:
    parts = [documents([f"@user{part}x{number} @star" for number in range(50)]) for part in range(40)]
    merged = merge_facets(map(count_facets, parts), most=100)
    assert merged.num_rows <= 100
    assert facets_table(merged).to_pylist()[0] == {
        "facet": "mention", "value": "@star", "documents": 2000, "occurrences": 2000,
    }  # fmt: skip


def test_nothing_gives_an_empty_table() -> None:
    assert table_of() == table_of([]) == table_of(["no pointer"]) == []
