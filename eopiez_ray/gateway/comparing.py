"""Two runs of the pipeline beside each other, from the tables that they have written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from ..phases.comparison import Change, Comparison, MatchedBy, Pairing, Side, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from .tables import Tables

DIGEST_WORDS = 2
"""A digest is 16 bytes: two words of 8."""
SNIPPET = 200
"""Characters of a document that is listed."""
_SHOWN = ["document_id", "title", "text"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs, and what became of the one in the other. It holds some 60 bytes for each of their documents."""

    tables: tuple[Tables, Tables]
    sides: tuple[Side, Side]
    result: Comparison

    @classmethod
    def of(cls, before: Tables, after: Tables, by: MatchedBy | None) -> Compared:
        """Compare what two runs have written; texts are not read.

        Raises:
            ArtifactMissingError: one has not written its tables, or they are gone.
        """
        sides = side_of(before), side_of(after)
        pairing = Pairing.of(*(_digests(each) for each in (before, after)))
        return cls((before, after), sides, compare(*sides, pairing, by))

    def documents(
        self, change: Change, themes: tuple[Sequence[int], Sequence[int]], start: int, count: int
    ) -> list[dict[str, Any]]:
        """Some of the documents with which that happened, from the given one on, as they are after, or were before.

        Args:
            change: what happened.
            themes: only those of one of these before, and of one of these after; none means any.
            start: documents to leave out.
            count: documents at most.
        """
        labels = self.sides[0].themes, self.sides[1].themes
        pairs = self.result.rows(change, *labels)
        for side, wanted in enumerate(themes):
            if wanted:
                pairs = pairs[(pairs[:, side] >= 0) & np.isin(labels[side][pairs[:, side]], wanted)]
        page = pairs[start : start + count]
        side = 0 if change is Change.GONE else 1
        known = self.tables[side].rows("documents", _SHOWN, page[:, side])
        return [
            {
                "document_id": row["document_id"],
                "title": row["title"],
                "snippet": row["text"][:SNIPPET],
                "theme_before": _at(labels[0], pair[0]),
                "theme_after": _at(labels[1], pair[1]),
            }
            for row, pair in zip(known, page.tolist(), strict=True)
        ]


class Comparisons:
    """Compares runs, one pair at a time, and keeps the last comparison: whoever looks at one turns its pages next."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._last: tuple[tuple[object, ...], Compared] | None = None

    async def of(self, before: Tables, after: Tables, by: MatchedBy | None) -> Compared:
        """The comparison of two runs. Errors as in ``Compared.of``."""
        async with self._turn:
            key = (by, *await asyncio.to_thread(_versions, before, after))
            if self._last is None or self._last[0] != key:
                self._last = None  # Two are never in memory.
                self._last = key, await asyncio.to_thread(Compared.of, before, after, by)
            return self._last[1]


def _versions(*runs: Tables) -> list[tuple[object, ...]]:
    """What changes when a run's tables do, such as by an erasure."""
    files = [each.path(name) for each in runs for name in ("documents", "assignments", "themes")]
    return [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]


def side_of(tables: Tables) -> Side:
    """What is compared of a run."""
    themes = pq.read_table(tables.path("themes"), columns=["documents", "terms", "weights"])
    labels = pq.read_table(tables.path("assignments"), columns=["theme"]).column("theme").to_numpy()
    rows = themes.to_pylist()
    weights = [dict(zip(row["terms"], row["weights"], strict=True)) for row in rows]
    return Side(labels, [row["documents"] for row in rows], weights)


def _digests(tables: Tables) -> npt.NDArray[np.uint64]:
    """The digests of a run's documents, ``(n, 2)``, read batch by batch."""
    with pq.ParquetFile(tables.path("documents")) as file:
        found = [_words(batch.column(0)) for batch in file.iter_batches(columns=["digest"])]
    return np.concatenate([np.zeros((0, DIGEST_WORDS), np.uint64), *found])


def _words(digests: pa.FixedSizeBinaryArray) -> npt.NDArray[np.uint64]:
    words = np.frombuffer(digests.buffers()[1], np.uint64).reshape(-1, DIGEST_WORDS)
    return words[digests.offset : digests.offset + len(digests)]


def _at(labels: npt.NDArray[np.int32], row: int) -> int | None:
    return int(labels[row]) if row >= 0 else None
