"""What documents say themselves: their words without what they repeat, and why some have none."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
import pyarrow as pa

from eopiez_ray.phases.boilerplate.answers import is_punctuation, say_nothing
from eopiez_ray.phases.boilerplate.lines import lines_of
from eopiez_ray.phases.boilerplate.quoting import are_quoted
from eopiez_ray.phases.boilerplate.repeating import Boilerplate, LineCounts, count_lines
from eopiez_ray.phases.markings import Mask
from eopiez_ray.phases.schemas import CONTENT
from eopiez_ray.phases.text import Runs, read_runs, token_table


class DocumentKind(StrEnum):
    """What a document is."""

    TEXT = "text"
    UNINFORMATIVE = "uninformative"
    """An answer that says nothing, or punctuation."""
    REPEATED = "repeated"
    """Nothing but boilerplate."""
    WORDLESS = "wordless"
    """Addresses, pictures and the like, but no words."""
    EMPTY = "empty"
    """No text, or white space."""


def repeated_lines(documents: pa.Table) -> LineCounts:
    """The lines of a partition's documents (column ``text``) that may be boilerplate.

    What is quoted is left out; documents of a single line, which tell nothing, are passed over as empty ones.
    """
    texts = documents.column("text").to_pylist()
    own = _unquoted(read_runs([text if "\n" in text.strip() else "" for text in texts]))
    return count_lines(own, lines_of(own))


def all_words(documents: pa.Table) -> pa.Table:
    """All words of documents (columns ``document_id`` and ``text``), a table of schema ``CONTENT``."""
    runs = read_runs(documents.column("text").to_pylist())
    return _content(documents, runs, runs, np.zeros(documents.num_rows, np.bool_))


def own_words(documents: pa.Table, boilerplate: Boilerplate) -> pa.Table:
    """The words that documents say themselves, a table of schema ``CONTENT``.

    Left out is what a message repeats by its form (``quoting``), boilerplate, and all of an answer that says nothing.
    """
    runs = read_runs(documents.column("text").to_pylist())
    own = _unquoted(runs)
    if len(boilerplate.keys):
        lines = lines_of(own)
        own = own.where(~boilerplate.has(lines)[lines.of_runs])
    silent = say_nothing(own) | _of_wordless(documents, runs, is_punctuation)
    return _content(documents, runs, own, silent)


def _unquoted(runs: Runs) -> Runs:
    quoted = are_quoted(runs)
    return runs.where(~quoted) if quoted.any() else runs


def _of_wordless(documents: pa.Table, runs: Runs, holds: Callable[[str], bool]) -> Mask:
    """Which documents without words have a text that something holds of, ``(n_documents,)``."""
    wordless = np.flatnonzero(np.diff(runs.firsts) == 0)
    found = np.zeros(documents.num_rows, np.bool_)
    found[wordless] = [*map(holds, documents.column("text").take(pa.array(wordless)).to_pylist())]
    return found


def _content(documents: pa.Table, runs: Runs, own: Runs, silent: Mask) -> pa.Table:
    """The table of documents with some runs, of which they say ``own`` themselves, or nothing."""
    total, said = np.diff(runs.firsts), np.diff(own.firsts)
    told = own.where(np.repeat(~silent, said)).cut() if silent.any() else own.cut()
    is_blank = _of_wordless(documents, runs, lambda text: not text.strip())
    kinds = np.select(
        [is_blank, silent, total == 0, said == 0],
        [DocumentKind.EMPTY, DocumentKind.UNINFORMATIVE, DocumentKind.WORDLESS, DocumentKind.REPEATED],
        DocumentKind.TEXT,
    )
    tokens = token_table(documents.column("document_id"), told)
    columns = [*tokens.columns, pa.array(kinds.astype(object), pa.string()), pa.array((total - said).astype(np.int32))]
    return pa.table(columns, schema=CONTENT)
