"""The phases of ingestion: a collection becomes tables of documents and of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from eopiez_ray.authoring.context import current_task
from eopiez_ray.authoring.contract import Partitions, phase
from eopiez_ray.model.policies import RetryPolicy
from eopiez_ray.phases.boilerplate import (
    Boilerplate,
    LineCounts,
    all_words,
    find_boilerplate,
    own_words,
    repeated_lines,
)
from eopiez_ray.phases.io.duplicates import Duplicates, find_duplicates
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.reading import read_collection
from eopiez_ray.phases.languages.identification import traits_of

INPUT_ERRORS = ("UnreadableInputError", "UnknownColumnError", "EmptyCollectionError")
"""No retries: another attempt would fail the same way."""


@phase(name="ingest_read", kind="source", retry=RetryPolicy(non_retryable_errors=INPUT_ERRORS), max_rejects=0.5)
def ingest_read(*, inputs: list[str], options: dict[str, Any] | None = None) -> Iterator[pa.Table]:
    """The documents of all inputs; each partition a table of schema ``DOCUMENTS``.

    Args:
        inputs: files, folders and glob patterns.
        options: fields of ``ReadOptions``.
    """
    for partition, batch in enumerate(read_collection(inputs, ReadOptions(**(options or {})))):
        task = current_task()
        if task.partition == partition:  # A reader being wound forward to a later partition skips this one.
            for reject in batch.rejects:
                task.reject(reject.source, reject.reason, reject.sample)
        yield batch.documents


@phase(name="ingest_lines", kind="map")
def ingest_lines(documents: pa.Table) -> LineCounts:
    """The lines of a partition that may be boilerplate."""
    return repeated_lines(documents)


@phase(name="ingest_boilerplate", kind="reduce")
def ingest_boilerplate(counts: Partitions[LineCounts]) -> Boilerplate:
    """The lines that many documents of the collection repeat."""
    return find_boilerplate(counts)


@phase(name="ingest_tokens", kind="map")
def ingest_tokens(documents: pa.Table, boilerplate: Boilerplate, *, keep: bool = False) -> pa.Table:
    """The words of a partition's documents, a table of schema ``CONTENT``.

    Args:
        documents: of schema ``DOCUMENTS``.
        boilerplate: the lines that many documents repeat.
        keep: whether all words count, even what documents only repeat.
    """
    return all_words(documents) if keep else own_words(documents, boilerplate)


@phase(name="ingest_traits", kind="map")
def ingest_traits(content: pa.Table) -> pa.Table:
    """What is known of a partition's documents besides their text, a table of schema ``TRAITS``."""
    return traits_of(content)


@phase(name="ingest_duplicates", kind="reduce")
def ingest_duplicates(documents: Partitions[pa.Table]) -> Duplicates:
    """Which documents occur more than once, which are empty, and how many there are."""
    return find_duplicates(documents)
