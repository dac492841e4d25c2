"""The phases of motifs."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from eopiez_ray.authoring.contract import Partitions, phase
from eopiez_ray.phases.motifs.lexicon import Lexicon
from eopiez_ray.phases.motifs.locating import locate_motifs
from eopiez_ray.phases.motifs.ngrams import NgramCounts, count_ngrams, merge_ngrams
from eopiez_ray.phases.motifs.selection import Selection, select_motifs


@phase(name="motifs_count", kind="map")
def motifs_count(tokens: pa.Table) -> NgramCounts:
    """How often sequences of words occur in a partition."""
    return count_ngrams(tokens)


@phase(name="motifs_select", kind="reduce")
def motifs_select(
    counts: Partitions[NgramCounts], *, selection: dict[str, Any] | None = None, lexicon: str | None = None
) -> pa.Table:
    """The motifs of the collection, a table of schema ``MOTIFS``.

    Args:
        selection: fields of ``Selection``.
        lexicon: a lexicon as YAML text; None takes the built-in one.
    """
    categories = Lexicon.load() if lexicon is None else Lexicon.parse(lexicon, "lexicon")
    return select_motifs(merge_ngrams(counts), Selection(**(selection or {})), categories)


@phase(name="motifs_locate", kind="map")
def motifs_locate(tokens: pa.Table, motifs: pa.Table) -> pa.Table:
    """Where the motifs occur in a partition, a table of schema ``OCCURRENCES``."""
    return locate_motifs(tokens, motifs)
