"""How the names of themes are written by the authors of the documents: ``US`` and not ``us``, ``Six Nations``.

``spell`` (map) → ``Spellings.merged`` (reduce). Of each name, some occurrences in each partition are looked at, and the
most frequent spelling counts. At the beginning of a sentence every word is capitalized, so what is written there
decides only where a name occurs nowhere else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.motifs.units import join_words
from eopiez_ray.phases.themes.naming import Name, NamedTheme

MOST = 50
"""Occurrences of a name in a partition that are looked at."""
EXCERPT = 40
"""Characters of a document that stand for a theme without words."""

ENDS = ".!?:…。！？"
"""Characters that end a sentence."""
BETWEEN = " \t\r\n\"'“”‘’«»()[]*"
"""Characters that may stand between two sentences."""
_POSSESSIVE = re.compile("['’]s$", re.IGNORECASE)

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spellings:
    """How the names of themes were seen, and documents that stand for themes without a name."""

    seen: dict[Name, Counter[str]]
    """How often each name was seen in each spelling, inside of sentences ``MOST`` times as much."""
    excerpts: dict[str, str]
    """How some documents begin, by their id."""

    @classmethod
    def merged(cls, parts: Iterable[Spellings]) -> Spellings:
        """Those of a whole collection."""
        seen: dict[Name, Counter[str]] = {}
        excerpts: dict[str, str] = {}
        for part in parts:
            excerpts |= part.excerpts
            for name, spellings in part.seen.items():
                seen.setdefault(name, Counter()).update(spellings)
        return cls(seen, excerpts)

    def of(self, name: Name) -> str:
        """The most frequent spelling of a name, of equal ones the first by the alphabet; normalized if never seen."""
        spellings = self.seen.get(name)
        return min(spellings, key=lambda text: (-spellings[text], text)) if spellings else join_words([*name])

    def label(self, theme: NamedTheme, exemplars: Iterable[str]) -> str:
        """What the theme is called; without names, as one of its typical documents begins."""
        label = ", ".join(self.of(name) for name in theme.names)
        if not label:
            return next((f"“{self.excerpts[each]}”" for each in exemplars if each in self.excerpts), "")
        first = label.split(maxsplit=1)[0]
        return label[0].upper() + label[1:] if first.islower() else label


def spell(
    documents: pa.Table, tokens: pa.Table, occurrences: pa.Table, themes: Iterable[NamedTheme], nameless: Iterable[str]
) -> Spellings:
    """The spellings in one partition.

    Args:
        documents: of schema ``DOCUMENTS``.
        tokens: of the same documents, of schema ``TOKENS``.
        occurrences: of motifs in them, of schema ``OCCURRENCES``.
        themes: whose names and terms are looked for.
        nameless: ids of documents of which excerpts are taken.
    """
    named = [*themes]
    words = {word for theme in named for word in theme.terms}
    phrases = {join_words([*name]): name for theme in named for name in theme.names if len(name) > 1}
    texts = documents.column("text")
    seen: dict[Name, Counter[str]] = {}
    for name, row, start, end in (*_words(tokens, words), *_phrases(occurrences, documents, phrases)):
        text = texts[row].as_py()
        spelling = _POSSESSIVE.sub("", " ".join(text[start:end].split()))
        seen.setdefault(name, Counter())[spelling] += 1 if _begins_sentence(text, start) else MOST
    rows = pc.index_in(pa.array(nameless, pa.string()), documents.column("document_id")).drop_null().to_pylist()
    return Spellings(seen, {documents.column("document_id")[row].as_py(): _excerpt(texts[row].as_py()) for row in rows})


def _words(tokens: pa.Table, wanted: set[str]) -> Iterator[tuple[Name, int, int, int]]:
    """Some occurrences of words: the word, the row of the document, and where it starts and ends."""
    column = tokens.column("tokens").unify_dictionaries().combine_chunks()
    lists = column if isinstance(column, pa.ListArray) else pa.concat_arrays(column.chunks)
    words = lists.flatten()
    is_wanted = pc.is_in(words.dictionary, pa.array(sorted(wanted), pa.string())).to_numpy(zero_copy_only=False)
    ids = words.indices.to_numpy(zero_copy_only=False)
    places = _some_of_each(ids, np.flatnonzero(is_wanted[ids]))
    offsets = lists.offsets.to_numpy()
    rows = np.searchsorted(offsets - offsets[0], places, side="right") - 1
    starts, ends = (pc.list_flatten(tokens.column(name)).take(pa.array(places)) for name in ("starts", "ends"))
    known = words.dictionary.take(pa.array(ids[places])).to_pylist()
    yield from zip(((word,) for word in known), rows.tolist(), starts.to_pylist(), ends.to_pylist(), strict=True)


def _phrases(
    occurrences: pa.Table, documents: pa.Table, wanted: dict[str, Name]
) -> Iterator[tuple[Name, int, int, int]]:
    """The same of phrases, by the motif that they are."""
    column = occurrences.column("motif").unify_dictionaries().combine_chunks()
    motifs = column.dictionary.to_pylist()
    is_wanted = np.fromiter((motif in wanted for motif in motifs), np.bool_, len(motifs))
    ids = column.indices.to_numpy(zero_copy_only=False)
    places = _some_of_each(ids, np.flatnonzero(is_wanted[ids]))
    found = occurrences.take(pa.array(places))
    rows = pc.index_in(found.column("document_id"), documents.column("document_id")).to_pylist()
    names = [wanted[motifs[motif]] for motif in ids[places]]
    yield from zip(names, rows, found.column("start").to_pylist(), found.column("end").to_pylist(), strict=True)


def _some_of_each(ids: npt.NDArray[np.integer], places: Positions) -> Positions:
    """Of places, at most ``MOST`` with each id, evenly spaced."""
    order = places[np.argsort(ids[places], kind="stable")]
    first = np.flatnonzero(np.diff(ids[order], prepend=-1))
    counts = np.diff(first, append=len(order))
    sizes, rank = np.repeat(counts, counts), np.arange(len(order)) - np.repeat(first, counts)
    spaced: Positions = order[rank * MOST // sizes != (rank - 1) * MOST // sizes]
    return spaced


def _begins_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 8) : start].strip(BETWEEN)
    return not before or before[-1] in ENDS


def _excerpt(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= EXCERPT else folded[: EXCERPT - 1] + "…"
