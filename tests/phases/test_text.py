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
        ("中", ["中"]),
        ("co\u00adoperate", ["cooperate"]),
        ("... !!! ---", []),
        ("", []),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "expected",
    [
        "船 在 黎明 前 驶 进 了 港口",
        "没有 人 知道 船长 在 哪里",
        "今天 天气 很好",
        "船 は 夜明け 前 に 港 に 着い た",
        "東京 の 株式 市場 は 今日 大きく 上昇",
        "เรือ มา ถึง ท่าเรือ ก่อน เที่ยง",
        "ภาษา ไทย ไม่มี ช่อง ว่าง",
        "ເຮືອ ມາຮອດ ທ່າເຮືອ",
        "កប៉ាល់ បាន មកដល់ កំពង់ផែ",
        "သင်္ဘော သည် ဆိပ်ကမ်း သို့ ရောက်",
    ],
)
def test_words_of_languages_without_spaces(expected: str) -> None:
    assert words(expected.replace(" ", "")) == expected.split()


def test_words_of_mixed_text() -> None:
    assert words("The 北京大学 team: iPhone手机、3月5日 in東京") == [
        "the", "北京", "大学", "team", "iphone", "手机", "3", "月", "5", "日", "in", "東京",
    ]  # fmt: skip


UNSPACED = st.text(
    st.sampled_from("北京大学的中船は夜明けにカタ々ーไม่มีความน้ำລາວខ្មែរမြန်မာ𠀀𠮷aé1 .\n\u200d"), max_size=30
)


@given(st.lists(UNSPACED, min_size=1, max_size=5))
def test_words_cover_runs_without_spaces_and_depend_on_their_own_run(texts: list[str]) -> None:
    together = tokenize(documents(texts)).column("tokens").to_pylist()
    assert together == [words(text) for text in texts]
    for text, found in zip(texts, surfaces(texts), strict=True):
        letters = "".join(character for character in text if character.isalnum())
        assert "".join(c for surface in found for c in surface if c.isalnum()) == letters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("read http://bit.ly/2aX now", ["read", "now"]),
        ("(see https://www.site.org/a/b?c=d&e=f#g).", ["see"]),
        ("ftp://host/file, www.site.de and www.site.de/x", ["and"]),
        ("nyti.ms/1a2b ow.ly/xyz t.co/AbC9 bbc.co.uk Site.COM.", []),
        ("write to joe.doe+x@mail.site.org or <ann@site.org>", ["write", "to", "or"]),
        ("mailto:joe@site.org", ["mailto"]),
        ("RT @joe_doe: good news, @ann!", ["good", "news"]),
        ("the RT series, ART @ann", ["the", "rt", "series", "art"]),
        ("bread &amp; butter &#39;n&#x27; jam &nbsp;", ["bread", "butter", "n", "jam"]),
        ("AT&T; R&D", ["at", "t", "r", "d"]),
        ("one<br/>two <a href='http://x.y/z' class=c>three</a>", ["one", "two", "three"]),
        ("if a<b and c>d: <pre>", ["if", "a", "b", "and", "c", "d"]),
        ("main.py node.js e.g. The end.Next 3.14 v1.2.3", ["main", "py", "node", "js", "e", "g", "the", "end", "next",
                                                          "3.14", "v1.2.3"]),
        ("#goodnews and #news", ["goodnews", "and", "news"]),
        ("看http://t.cn/abc吗", ["看", "吗"]),
        ("http://de.site.org/wiki/Käse ist", ["ist"]),
        ("either and/or both, 9:30//10", ["either", "and", "or", "both", "9", "30", "10"]),
        ("me@home, a @ b, x@", ["me", "home", "a", "b", "x"]),
    ],
)  # fmt: skip
def test_addresses_mentions_entities_and_tags_are_no_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


MARKED = st.lists(
    st.sampled_from(["RT", "@joe", "http://", "www.", "x.com", "a.b/cd", "&amp;", "&", "<br>", "<", ">", " ", "\n", "é",
                     "中", ".", "word", '"', "/", ":", "@"]),
    max_size=12,
).map("".join)  # fmt: skip


@given(st.lists(MARKED, min_size=1, max_size=5))
def test_markings_of_one_document_hide_nothing_of_another(texts: list[str]) -> None:
    together = tokenize(documents(texts)).column("tokens").to_pylist()
    assert together == [words(text) for text in texts]


@pytest.mark.parametrize(
    "text", ["a" * 10**6 + ".b", "a." * 10**6, "@" * 10**6, "<a " * 10**6, "http://" * 10**5, "x" * 10**6 + "@"]
)
def test_long_stretches_take_linear_time(text: str) -> None:
    """A million characters; quadratic time would be minutes."""
    tokenize(documents([text]))


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
