"""Near-copies as a table that travels between phases."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from eopiez_ray.phases.copies.grouping import ALONE, Copies
from eopiez_ray.phases.schemas import COPIES


def copies_table(ids: pa.ChunkedArray, copies: Copies) -> pa.Table:
    """A table of schema ``COPIES`` for the documents with these ids."""
    firsts = ids.take(pa.array(copies.firsts))
    return pa.table([ids, pa.array(copies.groups), firsts, pa.array(copies.resemblance)], schema=COPIES)


def copies_of(table: pa.Table) -> Copies:
    """What ``copies_table`` was made from."""
    groups = table.column("group").to_numpy()
    firsts = np.arange(len(groups))
    _, earliest, inverse = np.unique(groups, return_index=True, return_inverse=True)
    together = groups != ALONE
    firsts[together] = earliest[inverse[together]]
    return Copies(groups, firsts, table.column("resemblance").to_numpy())
