"""The tables that a run of the pipeline has written, read a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import ArtifactMissingError
from ..phases.schemas import VECTOR
from ..phases.vectors.tables import vectors_of
from .problems import not_found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

BATCH_ROWS = 1024
VECTOR_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which documents; all of them by default."""

    themes: frozenset[int] = frozenset()
    """Of one of these; -1 is none."""
    since: datetime | None = None
    """Of then or later."""
    until: datetime | None = None
    """Of before then."""

    def fits(self, times: npt.NDArray[np.datetime64], themes: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Which of the documents it is, ``(n,)``; one without a time is in no interval."""
        found = np.ones(len(themes), np.bool_)
        if self.themes:
            found &= np.isin(themes, list(self.themes))
        if self.since is not None:
            found &= times >= _in_utc(self.since)
        if self.until is not None:
            found &= times < _in_utc(self.until)
        return found


def _in_utc(time: datetime) -> np.datetime64:
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None))


class Tables:
    """The tables in a run's folder; nothing is read before it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """The Parquet file of a table.

        Raises:
            ArtifactMissingError: it is not there.
        """
        path = self._folder / "tables" / f"{name}.parquet"
        if not path.is_file():
            raise ArtifactMissingError(f"the table {name!r} is not there; has the run ended, and are its files kept?")
        return path

    def page(self, name: str, start: int, count: int) -> list[dict[str, Any]]:
        """Rows from the given one on."""
        return list(islice(self._rows(name, start), count))

    def documents(self, start: int, count: int, wanted: Wanted) -> list[dict[str, Any]]:
        """Documents with their themes: both tables are in the order of the collection."""
        if wanted == Wanted():
            together = zip(self._rows("documents", start), self._rows("assignments", start), strict=True)
            return [document | assignment for document, assignment in islice(together, count)]
        places = np.flatnonzero(wanted.fits(self.times(), self.themes()))[start : start + count]
        columns = [name for name in self._names("documents") if name != "digest"]
        found = self.rows("documents", columns, places)
        return [
            row | more
            for row, more in zip(found, self.rows("assignments", self._names("assignments"), places), strict=True)
        ]

    def themes(self) -> npt.NDArray[np.int32]:
        """The theme of each document, ``(n,)``, -1 for none."""
        found: npt.NDArray[np.int32] = self._column("assignments", "theme").to_numpy()
        return found

    def times(self) -> npt.NDArray[np.datetime64]:
        """The time of each document in UTC, ``datetime64[us]``, ``(n,)``."""
        found: npt.NDArray[np.datetime64] = self._column("documents", "time").cast(pa.timestamp("us")).to_numpy()
        return found.astype("datetime64[us]")

    def vectors(self) -> Iterator[npt.NDArray[np.float32]]:
        """The vectors of all documents ``(n, d)``, batch by batch."""
        return (vectors for _, vectors in self.theme_vectors())

    def least_consistent(self, count: int, themes: frozenset[int]) -> npt.NDArray[np.int64]:
        """The rows of the documents that agree least with their neighbours, the least first; of some themes, or all."""
        consistency: npt.NDArray[np.float32] = self._column("assignments", "consistency").to_numpy()
        known = self.themes()
        rows = np.flatnonzero(np.isin(known, list(themes)) if themes else known >= 0)
        least: npt.NDArray[np.int64] = rows[np.argsort(consistency[rows], kind="stable")[:count]]
        return least

    def motifs_of(self, documents: Sequence[str]) -> dict[str, list[str]]:
        """The motifs of some documents, by id, each once."""
        wanted = [("document_id", "in", list(documents))]
        table = pq.read_table(self.path("occurrences"), columns=["document_id", "motif"], filters=wanted)
        found: dict[str, dict[str, None]] = {document: {} for document in documents}
        for row in table.to_pylist():
            found[row["document_id"]][row["motif"]] = None
        return {document: list(motifs) for document, motifs in found.items()}

    def _names(self, table: str) -> list[str]:
        names: list[str] = pq.read_schema(self.path(table)).names
        return names

    def _column(self, table: str, name: str) -> pa.ChunkedArray:
        return pq.read_table(self.path(table), columns=[name]).column(0)

    def theme_vectors(self) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]]:
        """The themes ``(n,)`` and vectors ``(n, d)`` of all documents, batch by batch."""
        themes, begin = self.themes(), 0
        with pq.ParquetFile(self.path("vectors")) as file:
            for batch in file.iter_batches(VECTOR_ROWS, columns=[VECTOR]):
                yield themes[begin : begin + len(batch)], vectors_of(pa.Table.from_batches([batch]))
                begin += len(batch)

    def similar(self, document: str, count: int) -> list[tuple[str, float]]:
        """The documents closest to one, by cosine similarity, with how similar they are.

        Raises:
            Problem: the collection has no such document.
        """
        table = pq.read_table(self.path("vectors"), memory_map=True)
        ids = table.column("document_id").combine_chunks()
        at = pc.index(ids, pa.scalar(document, ids.type)).as_py()
        if at < 0:
            raise not_found("document", repr(document[:100]), "documents are listed by /documents")
        column = table.column("vector").combine_chunks()
        vectors = np.asarray(column.flatten()).reshape(len(ids), -1).astype(np.float32, copy=False)
        similarity = vectors @ vectors[at]
        similarity[at] = -np.inf
        best = np.argsort(-similarity, kind="stable")[: min(count, len(ids) - 1)]
        return [(ids[int(each)].as_py(), float(similarity[each])) for each in best]

    def rows(self, name: str, columns: Sequence[str], wanted: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
        """Rows by their places, ``(n,)``, in the order that is asked for; one row group is in memory at a time."""
        found: dict[int, dict[str, Any]] = {}
        with pq.ParquetFile(self.path(name)) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            ends = np.cumsum(sizes, dtype=np.int64)
            groups = np.searchsorted(ends, wanted, side="right")
            for group in np.unique(groups).tolist():
                places = wanted[groups == group]
                taken = file.read_row_group(group, columns=list(columns)).take(
                    pa.array(places - (ends[group] - sizes[group]))
                )
                found.update(zip(places.tolist(), taken.to_pylist(), strict=True))
        return [found[place] for place in wanted.tolist()]

    def named(self, documents: Sequence[str]) -> dict[str, dict[str, Any]]:
        """These documents, by id."""
        if not documents:
            return {}
        table = pq.read_table(self.path("documents"), filters=[("document_id", "in", list(documents))])
        return {row["document_id"]: row for row in table.drop_columns(["digest"]).to_pylist()}

    def places(self) -> bytes:
        """Where each document is on the map, in the order of the collection.

        Little-endian: the count as `uint32`; then, for all documents, x and y as `uint16` from 0 to 65535 along the
        longer side of the map, and the theme as `int16`, -1 for none.
        """
        table = pq.read_table(self.path("assignments"), columns=["x", "y", "theme"])
        x, y = (np.nan_to_num(table.column(name).to_numpy(), nan=0.0) for name in ("x", "y"))
        side = max(float(np.ptp(x)), float(np.ptp(y)), 1e-9) if len(x) else 1.0
        scaled = [np.round((axis - axis.min()) / side * 65535).astype("<u2") if len(axis) else axis for axis in (x, y)]
        theme = table.column("theme").to_numpy().astype("<i2")
        return np.uint32(len(x)).tobytes() + b"".join(each.tobytes() for each in (*scaled, theme))

    def id_of(self, row: int) -> str:
        """The id of the document in a row of the collection.

        Raises:
            Problem: the collection has no such row.
        """
        found = self.page("documents", row, 1)
        if not found:
            raise not_found("row", row, "documents are listed by /documents")
        return str(found[0]["document_id"])

    def document(self, document: str) -> dict[str, Any]:
        """A document with its theme, its place on the map, and its motifs in the order of its text.

        Raises:
            Problem: the collection has no such document.
        """
        rows = [self._of("documents", document), self._of("assignments", document)]
        if not rows[0]:
            raise not_found("document", repr(document[:100]), "documents are listed by /documents")
        found = {key: value for row in rows for key, value in (row[0] if row else {}).items() if key != "digest"}
        motifs = [{key: row[key] for key in ("motif", "start", "end")} for row in self._of("occurrences", document)]
        return found | {"motifs": sorted(motifs, key=lambda each: (each["start"], -each["end"]))}

    def _of(self, name: str, document: str) -> list[dict[str, Any]]:
        table: pa.Table = pq.read_table(self.path(name), filters=[("document_id", "=", document)])
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _rows(self, name: str, start: int) -> Iterator[dict[str, Any]]:
        """Rows from the given one on; row groups before it are not read."""
        with pq.ParquetFile(self.path(name)) as file:
            groups, skipped = list(range(file.num_row_groups)), 0
            while groups and skipped + file.metadata.row_group(groups[0]).num_rows <= start:
                skipped += file.metadata.row_group(groups.pop(0)).num_rows
            columns = [column for column in file.schema_arrow.names if column != "digest"]
            for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=columns):
                if skipped + batch.num_rows > start:
                    yield from batch.slice(max(0, start - skipped)).to_pylist()
                skipped += batch.num_rows
