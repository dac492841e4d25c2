"""Which language a document is in: in many scripts, short or long, and when not to tell."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from eopiez_ray.phases.languages.identification import UNDETERMINED, identify
from eopiez_ray.phases.languages.names import NAMES, language_name
from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.themes.languages import MULTIPLE
from tests.sentences import NO_LANGUAGE, SENTENCES

UNKNOWN = {"af", "cy", "ga", "mk", "sw"}
"""Languages that are not among those that can be told."""
SIBLINGS = {"id": "ms"}
"""Languages that are hardly told from another one."""


def languages(*texts: str) -> list[str]:
    documents = pa.table({"document_id": [""] * len(texts), "text": pa.array(texts, pa.string())})
    return list(identify(tokenize(documents)).to_pylist())


@pytest.mark.parametrize("code", sorted(SENTENCES.keys() - UNKNOWN))
def test_sentences_of_many_languages(code: str) -> None:
    assert languages(SENTENCES[code]) == [SIBLINGS.get(code, code)]


def test_languages_that_cannot_be_told_are_rarely_taken_for_others() -> None:
    found = languages(*(SENTENCES[code] for code in sorted(UNKNOWN)))
    assert found.count(UNDETERMINED) >= 4


@pytest.mark.parametrize("text", NO_LANGUAGE)
def test_what_is_no_language_is_undetermined(text: str) -> None:
    assert languages(text) == [UNDETERMINED]


def test_addresses_and_mentions_do_not_count() -> None:
    text = "@harbour @captain RT @ship: {} https://news.com/the/ship/came/into/the/harbour"
    assert languages(text.format(SENTENCES["de"])) == ["de"]
    assert languages(text.format("")) == [UNDETERMINED]


def test_each_document_has_its_own_language() -> None:
    assert languages(SENTENCES["fi"], "", SENTENCES["fr"], SENTENCES["fi"]) == ["fi", UNDETERMINED, "fr", "fi"]


def test_a_long_document_is_told_by_its_beginning() -> None:
    text = SENTENCES["en"] * 10 + SENTENCES["es"] * 50_000
    started = time.process_time()
    assert languages(text) == ["en"]
    assert time.process_time() - started < 5


def test_no_documents_have_no_languages() -> None:
    assert languages() == []


def test_every_language_has_a_name() -> None:
    import eldc

    assert {*eldc.LANGUAGES, UNDETERMINED, MULTIPLE} == NAMES.keys()
    assert (language_name("de"), language_name("tlh")) == ("German", "tlh")
