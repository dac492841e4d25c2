"""What documents repeat rather than say: by its form, by its company, and answers that say nothing."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.phases.boilerplate import (
    Boilerplate,
    all_words,
    are_quoted,
    count_lines,
    find_boilerplate,
    is_punctuation,
    lines_of,
    own_words,
    repeated_lines,
    say_nothing,
)
from eopiez_ray.phases.schemas import CONTENT, TOKENS
from eopiez_ray.phases.text import Runs, read_runs, tokenize

WORDS = [
    f"{first}{second}" for first in ("ka", "lo", "mi", "nu", "pe", "ra") for second in ("sto", "vel", "dim", "gra")
]
FOOTER = "This message is confidential and meant for its reader alone"


def said(runs: Runs) -> list[str]:
    """What is left of each document."""
    words = [runs.text[start:end] for start, end in zip(runs.spans.starts, runs.spans.ends, strict=True)]
    return [" ".join(words[low:high]) for low, high in itertools.pairwise(runs.firsts.tolist())]


def unquoted(*texts: str) -> list[str]:
    runs = read_runs(texts)
    return said(runs.where(~are_quoted(runs)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> old words\n> more\nmy answer", "my answer"),
        ("On Monday, Ann wrote:\n> old words\n\nmy answer", "my answer"),
        ("Hello all\n\nAm Montag, den 3. Mai, schrieb Ann\n<ann@site.org>:\n\n>> alte Worte\n> neue\nmeine Antwort",
         "Hello all meine Antwort"),
        ("first\nsecond line\nAnn said:\n> old", "first second line"),
        ("AB> old words\nmy answer", "my answer"),
        ("x > y and a>b\nmy answer", "x y and a b my answer"),
        ("my answer\n\n-----Original Message-----\nFrom: Ann\nSent: Monday\n\nold words", "my answer"),
        ("meine Antwort\n--- Ursprüngliche Nachricht ---\nVon: Ann\nalte Worte", "meine Antwort"),
        ("my answer\n________________________________\nFrom: Ann Doe\nTo: Joe\nold words", "my answer"),
        ("----- Original Message -----\nFrom: Ann\n\n>\n> old words\nmy answer", "my answer"),
        ("look\n--- begin forwarded text\n\n\nDate: Monday\nTo: Joe\nSubject: sails\n\nnew words", "look new words"),
        ("my answer\n  ----- Original Message -----\n  From: Ann\n  To: Joe\n\n  old words", "my answer"),
        ("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\nmy answer\n-----BEGIN PGP SIGNATURE-----\niD8DBQE9\n"
         "-----END PGP SIGNATURE-----\nand more", "my answer and more"),
        ("On Monday, Ann wrote:\n[...]\n> old\nmy answer", "my answer"),
        ("my answer\n-----------\nold words\n--- a ---\nmore", "my answer old words a more"),
        ("my answer\n-- \nAnn Doe\nDepartment of Names", "my answer"),
        ("my answer\n--\nAnn", "my answer"),
        ("my answer -- \nis this\n---\nand this", "my answer is this and this"),
        ("From: ann@site.org (Ann)\nSubject: Re: AW: sails and ships\nLines: 12\n\nmy answer",
         "sails and ships my answer"),
        ("Subject: sails\nX-Mailer: Mail\n\twith more\n\nmy answer", "sails my answer"),
        ("Note: this is\nprose", "Note this is prose"),
        ("> nothing but a quotation", "nothing but a quotation"),
        ("--\nAnn", "Ann"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_a_message_repeats_by_its_form(text: str, expected: str) -> None:
    assert unquoted(text) == [expected]
    assert unquoted(text.replace("\n", "\r\n")) == [expected]


PIECES = st.sampled_from(["> ", ">", "-- ", "--", "-----Original Message-----", "From: Ann", "Subject: Re: x",
                          "\n", "\n\n", "On Monday, Ann wrote:", "word", " ", "_" * 20, "é", "AB> ",
                          "-----BEGIN PGP SIGNATURE-----", "-----BEGIN"])  # fmt: skip


@given(st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=5))
def test_a_message_is_read_as_it_would_be_alone(texts: list[str]) -> None:
    assert unquoted(*texts) == [left for text in texts for left in unquoted(text)]
    runs = read_runs(texts)
    assert [bool(left) for left in unquoted(*texts)] == [bool(whole) for whole in said(runs)]


def test_a_long_end_after_two_hyphens_is_no_signature() -> None:
    text = "one\n--\nAnn\n\n" + "word " * 400
    assert unquoted(text)[0].startswith("one word word")


@pytest.mark.parametrize(
    "text",
    [
        "> a\n" * 200_000,
        "--\n" * 100_000,
        "A: b\n" * 100_000,
        "-----BEGIN PGP SIGNATURE-----\n" * 5_000,
        "a:\n" * 200_000 + ">",
    ],
)
def test_long_messages_take_linear_time(text: str) -> None:
    """Quadratic time would be minutes."""
    assert unquoted(text)[0] != "nothing"


def written(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words))


def boilerplate_of(texts: list[str], size: int = 1000) -> Boilerplate:
    parts = [read_runs(texts[start : start + size]) for start in range(0, len(texts), size)]
    return find_boilerplate(count_lines(part, lines_of(part)) for part in parts)


def left_of(texts: list[str], found: Boilerplate) -> list[str]:
    runs = read_runs(texts)
    lines = lines_of(runs)
    return said(runs.where(~found.has(lines)[lines.of_runs]))


def test_a_footer_of_many_different_texts_is_boilerplate() -> None:
    rng = random.Random(1)
    bodies = [written(rng, 30) for _ in range(200)]
    texts = [f"{body}\n\n{FOOTER.upper() if n % 2 else FOOTER}!" if n < 60 else body for n, body in enumerate(bodies)]
    found = boilerplate_of(texts)
    assert found.examples == ((FOOTER + "!", 60),)
    assert left_of(texts, found) == bodies


@pytest.mark.parametrize("copies", [30, 300, 3000])
def test_paragraphs_of_a_message_to_many_are_not(copies: int) -> None:
    rng = random.Random(2)
    body = "\n".join(written(rng, 25) for _ in range(6))
    texts = [f"Dear {written(rng, 2)}{n}\n{body}" for n in range(copies)]
    assert len(boilerplate_of(texts).keys) == 0


def test_repeated_documents_of_one_line_are_not() -> None:
    assert len(boilerplate_of([FOOTER] * 500).keys) == 0


def test_lines_that_few_documents_or_few_words_make_are_not() -> None:
    rng = random.Random(3)
    rare = [f"{written(rng, 30)}\n{FOOTER}" for _ in range(19)]
    short = [f"{written(rng, 30)}\nBest regards" for _ in range(300)]
    assert len(boilerplate_of(rare + short).keys) == 0
    assert len(boilerplate_of([*rare, f"{written(rng, 30)}\n{FOOTER}"]).keys) == 1


def test_numbers_in_a_line_make_no_difference() -> None:
    rng = random.Random(4)
    texts = [f"{written(rng, 20)}\nPage {n} of {n + 3} pages" for n in range(50)]
    assert len(boilerplate_of(texts).keys) == 1


def test_lines_of_numbers_are_not() -> None:
    rng = random.Random(10)
    assert len(boilerplate_of([f"{written(rng, 20)}\n{n} 5 (407) 555-01{n} x" for n in range(50)]).keys) == 0


def test_the_order_of_words_makes_a_difference() -> None:
    keys = lines_of(read_runs(["a b c\nc b a\nA, b: C!\nab c"])).keys
    assert keys[0] == keys[2]
    assert len({*keys.tolist()}) == 3


def test_lines_without_spaces_are_found_too() -> None:
    rng = random.Random(5)
    texts = [f"{''.join(rng.choices('天地玄黄宇宙洪荒日月盈昃', k=30))}\n版权所有不得转载" for _ in range(40)]
    assert boilerplate_of(texts).examples == (("版权所有不得转载", 40),)


def test_partitions_make_no_difference() -> None:
    rng = random.Random(6)
    footers = [f"{FOOTER} {written(rng, 3)}" for _ in range(5)]
    texts = ["\n".join([written(rng, 12), *rng.sample(footers, rng.randrange(3))]) for _ in range(300)]
    whole, parts = boilerplate_of(texts), boilerplate_of(texts, 7)
    assert len(whole.keys) == 5
    assert np.array_equal(whole.keys, parts.keys)
    assert dict(parts.examples).items() <= dict(whole.examples).items()


def test_company_is_drawn_by_weight() -> None:
    """Two documents draw the same line with the probability of the weighted Jaccard index of what stands beside it."""
    rng = random.Random(7)
    shared, own, trials = 30, 10, 1500
    texts = []
    for trial in range(trials):
        common = f"{FOOTER} of{trial}x\ncommon{trial}x {written(rng, shared - 1)}\n"
        texts += [f"{common}own{trial}{name} {written(rng, own - 1)}" for name in "ab"]
    runs = read_runs(texts)
    lines = lines_of(runs)
    pairs = count_lines(runs, lines).pairs.to_pylist()
    drawn = Counter(row["line"] for row in pairs)
    same = sum(drawn[key] == 1 for key in lines.keys[::6].tolist())
    expected = shared / (shared + 2 * own)
    assert abs(same / trials - expected) < 4 * np.sqrt(expected * (1 - expected) / trials)


def test_memory_is_bounded_by_the_most_repeated_lines() -> None:
    rng = random.Random(8)
    texts = [f"{written(rng, 8)} {n}\n{written(rng, 9)} {n}\n{FOOTER}" for n in range(2000)]
    parts = [read_runs(texts[start : start + 20]) for start in range(0, len(texts), 20)]
    found = find_boilerplate((count_lines(part, lines_of(part)) for part in parts), most=3000)
    assert found.examples == ((FOOTER, 2000),)


@pytest.mark.parametrize("texts", [[], ["", ""], ["one"], ["\n\n"]])
def test_nothing_has_no_boilerplate(texts: list[str]) -> None:
    found = boilerplate_of(texts)
    assert len(found.keys) == 0
    assert left_of(texts, found) == [text.strip() for text in texts]


SILENT = """It is what it is|So was ich|Don't know|n/a|N.A.|No comment|no comments.|none|OK
nothing to add|Not sure!|I don't really know, sorry|weiß nicht|Weiß ich leider nicht|Keine Angabe
sin comentarios|No sé|aucune idée|je ne sais pas|Je ne sais pas.|не знаю|затрудняюсь ответить|不知道|没有意见
わかりません|特になし|ไม่ทราบ|모르겠습니다|bilmiyorum|nie wiem|geen mening|vet ej|en tiedä|لا أعرف|לא יודע|पता नहीं
δεν ξέρω|không biết|tidak tahu|não sei|non lo so"""
TELLING = """I know the harbour|no money|None of the trains was on time|better pay|the food|no comment on the harbour
keine Zeit|nichts für Kinder|sin dinero|不知道路|42|yes we can sail|More buses
I don't know what to say about the new harbour but it is good"""


@pytest.mark.parametrize("text", [text for line in SILENT.splitlines() for text in line.split("|")])
def test_answers_that_say_nothing(text: str) -> None:
    assert say_nothing(read_runs([text])).tolist() == [True]


@pytest.mark.parametrize("text", [*(text for line in TELLING.splitlines() for text in line.split("|")), "", "👍"])
def test_answers_that_say_something(text: str) -> None:
    assert say_nothing(read_runs([text])).tolist() == [False]


def test_punctuation_is_no_answer() -> None:
    assert [is_punctuation(text) for text in ("-", "?", " … ", "--", "...", ".")] == [True] * 6
    assert [is_punctuation(text) for text in ("", " \n", "a", "1", "👍", "-x-", "www.site.org")] == [False] * 7


DOCUMENTS = [
    "",
    " \n",
    "👍 www.site.org",
    "?",
    "n/a",
    FOOTER,
    "> old\nnew words",
    "> quoted",
    f"new words\n{FOOTER}",
    "words",
]


def table_of(texts: list[str]) -> pa.Table:
    return pa.table({"document_id": [str(n) for n in range(len(texts))], "text": pa.array(texts, pa.string())})


def test_documents_keep_what_they_say_themselves() -> None:
    boilerplate = Boilerplate(lines_of(read_runs([FOOTER])).keys, ())
    table = own_words(table_of(DOCUMENTS), boilerplate)
    assert table.schema.equals(CONTENT)
    rows = [(" ".join(row["tokens"]), row["kind"], row["left_out"]) for row in table.to_pylist()]
    assert rows == [
        ("", "empty", 0),
        ("", "empty", 0),
        ("", "wordless", 0),
        ("", "uninformative", 0),
        ("", "uninformative", 0),
        ("", "repeated", 10),
        ("new words", "text", 1),
        ("quoted", "text", 0),
        ("new words", "text", 10),
        ("words", "text", 0),
    ]
    assert table.column("starts").to_pylist()[6] == [6, 10]


def test_all_words_are_kept_on_request() -> None:
    table = all_words(table_of(DOCUMENTS))
    assert table.select(TOKENS.names).equals(tokenize(table_of(DOCUMENTS)))
    assert {*table.column("kind").to_pylist()} == {"empty", "wordless", "text"}
    assert not any(table.column("left_out").to_pylist())


def test_partitions_without_documents_have_no_words() -> None:
    nothing = Boilerplate(np.zeros(0, np.uint64), ())
    assert own_words(table_of([]), nothing).schema.equals(CONTENT)
    assert all_words(table_of([])).num_rows == 0
    assert repeated_lines(table_of([])).n_documents == 0


def test_lines_are_counted_without_what_is_quoted() -> None:
    rng = random.Random(9)
    texts = [f"> {FOOTER}\n{written(rng, 20)}" for _ in range(100)]
    assert len(find_boilerplate([repeated_lines(table_of(texts))]).keys) == 0
    assert len(boilerplate_of(texts).keys) == 1
