"""Reading a collection in one go, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io import ReadOptions, read_collection


class Reading(NamedTuple):
    """What came out of a collection."""

    rows: list[dict[str, Any]]
    rejects: list[Reject]
    left_out: dict[str, int]
    mended: dict[str, int]

    @property
    def texts(self) -> list[str]:
        return [row["text"] for row in self.rows]


def read_all(*inputs: Path | str, **options: Any) -> Reading:
    """All documents, rejects and remarks; each must be fit to be printed and stored."""
    found = Reading([], [], {}, {})
    for batch in read_collection([str(given) for given in inputs], ReadOptions(**options)):
        batch.documents.validate(full=True)
        found.rows.extend(batch.documents.to_pylist())
        found.rejects.extend(batch.rejects)
        for mine, theirs in ((found.left_out, batch.remarks.left_out), (found.mended, batch.remarks.mended)):
            for what, number in theirs.items():
                mine[what] = mine.get(what, 0) + number
    shown = [
        *(part for reject in found.rejects for part in (reject.source, reject.reason, reject.sample)),
        *found.left_out,
        *found.mended,
    ]
    assert all(text.encode() and not any(letter < " " for letter in text) for text in shown if text)
    return found
