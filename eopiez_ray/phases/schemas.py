"""The Arrow schemas of the tables that travel between the content phases.

Every table has one row per document, in the order of the collection, unless its docstring says otherwise.
"""

from __future__ import annotations

import pyarrow as pa

DOCUMENTS = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC")),
        pa.field("label", pa.string()),
        pa.field("digest", pa.binary(16), nullable=False),
    ]
)
"""What ingestion yields. ``source`` is the file and, where it holds many documents, the row (``mail.csv:17``).
``digest`` is the first 16 bytes of BLAKE3 of the text with white space folded: equal digests are duplicates."""

TOKENS = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("tokens", pa.list_(pa.dictionary(pa.int32(), pa.string())), nullable=False),
        pa.field("starts", pa.list_(pa.int32()), nullable=False),
        pa.field("ends", pa.list_(pa.int32()), nullable=False),
    ]
)
"""Normalized words and their character offsets ``[start, end)`` in the document's text."""

_KIND = pa.field("kind", pa.string(), nullable=False)
_LEFT_OUT = pa.field("left_out", pa.int32(), nullable=False)

CONTENT = pa.schema([*TOKENS, _KIND, _LEFT_OUT])
"""``TOKENS`` without what documents repeat. ``kind`` is ``text``, or why a document has no words: ``uninformative`` (an
answer that says nothing), ``repeated`` (boilerplate alone), ``wordless`` or ``empty``. ``left_out`` counts the words of
the document that it repeats: quoted, of its headers or signature, or boilerplate."""

TRAITS = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        _KIND,
        _LEFT_OUT,
    ]
)
"""What is known of each document besides its text. ``language`` is a BCP 47 code, ``und`` where it cannot be told;
``kind`` and ``left_out`` are as in ``CONTENT``."""

VECTOR = "vector"
"""Name of the vector column."""


def vectors_schema(dimensions: int) -> pa.Schema:
    """One row per document: its vector, of length 1, or 0 for a document without words."""
    vector = pa.field(VECTOR, pa.list_(pa.float32(), dimensions), nullable=False)
    return pa.schema([pa.field("document_id", pa.string(), nullable=False), vector])


ASSIGNMENTS = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("theme", pa.int32(), nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),
        pa.field("second_theme", pa.int32(), nullable=False),
        pa.field("second_confidence", pa.float32(), nullable=False),
        pa.field("is_outlier", pa.bool_(), nullable=False),
        pa.field("consistency", pa.float32(), nullable=False),
        pa.field("x", pa.float32(), nullable=False),
        pa.field("y", pa.float32(), nullable=False),
    ]
)
"""The theme of each document: -1 for a document without words. ``confidence`` is in [0, 1]; so is
``second_confidence``, that of ``second_theme``, which is -1 where a document belongs to no other. ``is_outlier`` tells
documents that are unlike all others. ``consistency`` is the mean over the document's edges of the sheaf, ``x`` and
``y`` its place on the map, both in [0, 1]."""

THEMES = pa.schema(
    [
        pa.field("theme", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("terms", pa.list_(pa.string()), nullable=False),
        pa.field("weights", pa.list_(pa.float32()), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("consistency", pa.float32(), nullable=False),
        pa.field("exemplars", pa.list_(pa.string()), nullable=False),
    ]
)
"""One row per theme, largest first. ``label`` is what it is called, ``terms`` its best words with their ``weights``,
best first, ``language`` that of most documents (``mul`` where there are several), ``consistency`` the mean over the
edges inside it, ``exemplars`` the ids of the documents that are most typical of it."""

COPIES = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("group", pa.int32(), nullable=False),
        pa.field("first", pa.string(), nullable=False),
        pa.field("resemblance", pa.float32(), nullable=False),
    ]
)
"""The near-copies of each document: ``group`` counts from the largest, and is -1 for a document that resembles no
other; ``first`` is the id of the first document of the group, and ``resemblance`` the share of all sequences of three
words that the two have in common, estimated."""

FACETS = pa.schema(
    [
        pa.field("facet", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("occurrences", pa.int64(), nullable=False),
    ]
)
"""One row a thing that texts point at, by facet (``domain``, ``mention``, ``hashtag``, ``emoji``), the most
widespread first. ``value`` is written as people write it most often."""
