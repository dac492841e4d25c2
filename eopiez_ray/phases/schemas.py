"""The Arrow schemas of the tables that travel between the content phases.

Every table has one row a document, in the order of the collection, unless its docstring says otherwise.
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

VECTOR = "vector"
"""Name of the vector column: ``fixed_size_list<float32>[dim]``, rows of length 1 (or 0 for a document with no words)."""
