"""Which documents say nothing: "don't know", "n/a", "no comment", in many languages.

A short text says nothing if its words, without the fillers of some language, are one of the answers that are listed for
that language (``answers.yaml``), if all of them are function words of it ("it is what it is"), or if it is made of
punctuation.
"""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from eopiez_ray.phases.markings import Mask
from eopiez_ray.phases.text import Runs, normalized, tokenize

MOST_WORDS = 10
"""Of an answer that says nothing, fillers included."""
_TELLING = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "So"})
"""Categories of characters that say something: letters, numbers, pictures."""


@dataclass(frozen=True, slots=True)
class _Language:
    """How nothing is said in a language."""

    fillers: frozenset[str]
    answers: frozenset[tuple[str, ...]]
    """Without fillers, except for those that have nothing else."""
    function_words: frozenset[str]

    @property
    def words(self) -> frozenset[str]:
        """All words of which such an answer can be made."""
        return self.fillers.union(self.function_words, *self.answers)

    def is_answer(self, said: list[str]) -> bool:
        rest = tuple(word for word in said if word not in self.fillers)
        return (rest or tuple(said)) in self.answers or self.function_words.issuperset(said)


def say_nothing(runs: Runs) -> Mask:
    """Which documents are answers that say nothing, ``(n_documents,)``; one without words is none."""
    lengths = np.diff(runs.firsts)
    words = runs.where(np.repeat(lengths <= MOST_WORDS, lengths)).cut()
    firsts, lengths = words.firsts, np.diff(words.firsts)
    encoded = normalized(words)
    names, ids = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    listed = _listed_words()
    is_strange = np.fromiter((name not in listed for name in names), np.bool_, len(names))[ids]
    strange = np.diff(np.append(0, np.cumsum(is_strange))[firsts])
    found: Mask = (strange == 0) & (lengths > 0) & (lengths <= MOST_WORDS)
    for row in np.flatnonzero(found).tolist():
        said = [names[i] for i in ids[firsts[row] : firsts[row + 1]].tolist()]
        found[row] = any(language.is_answer(said) for language in _languages())
    return found


def is_punctuation(text: str) -> bool:
    """Whether a text has characters, but neither letters nor numbers nor pictures."""
    return bool(text.strip()) and not any(unicodedata.category(character) in _TELLING for character in text)


@functools.cache
def _listed_words() -> frozenset[str]:
    return frozenset[str]().union(*(language.words for language in _languages()))


@functools.cache
def _languages() -> tuple[_Language, ...]:
    function_words = _yaml("eopiez_ray.phases.motifs", "function_words.yaml")
    listed = _yaml("eopiez_ray.phases.boilerplate", "answers.yaml")
    return tuple(
        _read(each["fillers"], each["answers"].split(";"), function_words.get(code, ""))
        for code, each in listed.items()
    )


def _yaml(package: str, name: str) -> Any:
    return yaml.safe_load(resources.files(package).joinpath(name).read_text("utf-8"))


def _read(fillers: str, answers: list[str], function_words: str) -> _Language:
    texts = pa.array([fillers, *answers], pa.string())
    words, *said = tokenize(pa.table({"document_id": [""] * len(texts), "text": texts})).column("tokens").to_pylist()
    known = frozenset(words)
    bare = (tuple(word for word in each if word not in known) or tuple(each) for each in said)
    return _Language(known, frozenset(bare), frozenset(function_words.split()))
