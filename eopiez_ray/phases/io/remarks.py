"""What a user should know about a collection besides its documents and rejects, counted."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa

from eopiez_ray.model.names import shown
from eopiez_ray.phases.io.records import Remark

KINDS = 50
"""How many different remarks are kept; any others are counted together."""
OTHERS = "other remarks"


METADATA = b"eopiez.remarks"
"""Metadata key of the remarks in a table of documents."""


class Remarks:
    """How many rows, lines and files were left out and why, and what was not read as written."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        """What was passed over, and how often."""
        self.mended: Counter[str] = Counter()
        """What was read differently than it stands, and in how many places."""
        self.places: dict[str, str] = {}
        """Where each of these was found first."""

    def __bool__(self) -> bool:
        return bool(self.left_out or self.mended)

    def add(self, remark: Remark) -> None:
        """Count one more."""
        counter = self.left_out if remark.left_out else self.mended
        self._count(counter, shown(remark.what), remark.left_out or 1, shown(remark.source))

    def _count(self, counter: Counter[str], what: str, number: int, place: str) -> None:
        kind = what if what in counter or len(counter) < KINDS else OTHERS
        counter[kind] += number
        self.places.setdefault(kind, place)

    def include(self, others: Remarks) -> None:
        """Add remarks counted elsewhere."""
        for mine, theirs in ((self.left_out, others.left_out), (self.mended, others.mended)):
            for what, number in theirs.items():
                self._count(mine, what, number, others.places[what])

    def kept_with(self, documents: pa.Table) -> pa.Table:
        """The table with these remarks in its metadata."""
        value = json.dumps([self.left_out, self.mended, self.places])
        return documents.replace_schema_metadata({METADATA: value}) if self else documents


def remarks_of(documents: pa.Table) -> Remarks:
    """The remarks stored with a table."""
    found = Remarks()
    value = (documents.schema.metadata or {}).get(METADATA)
    if value is not None:
        left_out, mended, found.places = json.loads(value)
        found.left_out.update(left_out)
        found.mended.update(mended)
    return found
