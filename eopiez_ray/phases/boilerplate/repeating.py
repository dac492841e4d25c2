"""Which lines are boilerplate: they stand in many documents that have little else in common.

A footer or a disclaimer goes with ever new texts, but a paragraph of a message that was sent to many goes with the rest
of that message. So a line is judged by the company it keeps. Of the other lines of each document one is drawn, a line
of w words (at least one) with probability in proportion to w: that with the least -ln(u) / w, where u in (0, 1] is a
hash of the line. Two documents draw the same line with the probability of their weighted Jaccard index (Ioffe 2010,
section 2, for equal weights), so different lines drawn beside a line count the different texts that it goes with:

- ``documents`` that have it: at least ``LEAST_DOCUMENTS``, and one in ``ONE_IN``, a fifth of the smallest theme: what
  is rarer makes no theme and is no frequent motif;
- ``texts``, different lines that were drawn beside it: at least ``LEAST_TEXTS``, and ``LEAST_VARIETY`` of documents, so
  a tenth of the words beside it change from one document to the next.

Documents of a single line have no company and tell nothing.

``count_lines`` (map) → ``find_boilerplate`` (reduce) → ``Boilerplate.has`` (map).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from eopiez_ray.phases.boilerplate.lines import Hashes, Lines
from eopiez_ray.phases.markings import Mask, Positions
from eopiez_ray.phases.text import Runs

LEAST_WORDS = 3
"""Words of a line that can be boilerplate."""
LEAST_DOCUMENTS = 20
ONE_IN = 1_000
LEAST_TEXTS = 10
LEAST_VARIETY = 0.1
EXAMPLES = 20
EXAMPLE_CHARACTERS = 200
MOST_SAMPLES = 500
"""Lines of a partition whose text is kept as an example, those in most documents."""
MOST_PAIRS = 3_000_000
"""Lines with their company that are held at a time, about 72 MB; those that are in the fewest documents go first."""
MERGE_EVERY = 16
_PAIRS = pa.schema([("line", pa.uint64()), ("beside", pa.uint64()), ("documents", pa.int64())])


@dataclass(frozen=True, slots=True)
class LineCounts:
    """The lines of a partition and what they go with."""

    pairs: pa.Table
    """In how many documents each line goes with each other one that was drawn beside it."""
    samples: dict[int, str]
    """The text of the most repeated lines."""
    n_documents: int


@dataclass(frozen=True, slots=True)
class Boilerplate:
    """The lines that many documents repeat."""

    keys: Hashes
    """``(n_lines,)``, sorted."""
    examples: tuple[tuple[str, int], ...]
    """The text of some and the documents that have them, most first."""

    def has(self, lines: Lines) -> Mask:
        """Which lines are boilerplate, ``(n_lines,)``."""
        place = np.minimum(np.searchsorted(self.keys, lines.keys), max(0, len(self.keys) - 1))
        return self.keys[place] == lines.keys if len(self.keys) else np.zeros(len(lines.keys), np.bool_)


def count_lines(runs: Runs, lines: Lines) -> LineCounts:
    """The counts of one partition."""
    order = np.lexsort((lines.keys, lines.documents))
    keys, documents = lines.keys[order], lines.documents[order]
    is_new = np.append(True, (keys[1:] != keys[:-1]) | (documents[1:] != documents[:-1]))[: len(keys)]
    distinct = order[is_new]
    beside = _drawn(lines.keys[distinct], lines.words[distinct], lines.documents[distinct])
    counted = (beside != lines.keys[distinct]) & (lines.words[distinct] >= LEAST_WORDS)
    rows = distinct[counted]
    ones = np.ones(len(rows), np.int64)
    pairs = pa.table([lines.keys[rows], beside[counted], ones], schema=_PAIRS)
    return LineCounts(_sum([pairs]), _samples(runs, lines, rows), len(runs.origins) - 1)


def _drawn(keys: Hashes, words: Positions, documents: Positions) -> Hashes:
    """The line that is drawn beside each, of distinct lines sorted by document; a lone line draws itself."""
    if not len(keys):
        return keys
    scores = -np.log((keys >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54)
    scores /= np.maximum(words, 1)
    order = np.lexsort((keys, scores, documents))
    firsts = np.flatnonzero(np.append(True, documents[1:] != documents[:-1]))
    sizes = np.diff(np.append(firsts, len(keys)))
    best, second = keys[order[firsts]], keys[order[firsts + (sizes > 1)]]
    best, second = np.repeat(best, sizes), np.repeat(second, sizes)
    return np.where(keys == best, second, best)


def _samples(runs: Runs, lines: Lines, rows: Positions) -> dict[int, str]:
    keys, first, counts = np.unique(lines.keys[rows], return_index=True, return_counts=True)
    repeated = np.flatnonzero(counts > 1)
    best = repeated[np.argsort(-counts[repeated], kind="stable")[:MOST_SAMPLES]]
    starts = runs.spans.starts[lines.first_runs[rows[first[best]]]].tolist()
    texts = (_line_at(runs.text, start) for start in starts)
    return dict(zip(keys[best].tolist(), texts, strict=True))


def _line_at(text: str, position: int) -> str:
    begin = text.rfind("\n", 0, position) + 1
    return " ".join(text[begin : begin + 2 * EXAMPLE_CHARACTERS].partition("\n")[0].split())[:EXAMPLE_CHARACTERS]


def find_boilerplate(parts: Iterable[LineCounts], most: int = MOST_PAIRS) -> Boilerplate:
    """The boilerplate of a collection from the counts of its partitions."""
    pending = [_PAIRS.empty_table()]
    samples: dict[int, str] = {}
    n_documents = 0
    for part in parts:
        pending.append(part.pairs)
        samples = part.samples | samples
        n_documents += part.n_documents
        if len(pending) > MERGE_EVERY:
            pending = [_most_repeated(_sum(pending), most)]
    return _select(_sum(pending), samples, n_documents)


def _select(pairs: pa.Table, samples: dict[int, str], n_documents: int) -> Boilerplate:
    grouped = pairs.group_by("line", use_threads=False).aggregate([([], "count_all"), ("documents", "sum")])
    texts, documents = grouped.column("count_all").to_numpy(), grouped.column("documents_sum").to_numpy()
    found = documents >= max(LEAST_DOCUMENTS, n_documents / ONE_IN)
    found &= texts >= np.maximum(LEAST_TEXTS, LEAST_VARIETY * documents)
    keys = grouped.column("line").to_numpy()[found]
    ranked = sorted(zip((-documents[found]).tolist(), keys.tolist(), strict=True))
    examples = [(samples[key], -count) for count, key in ranked if key in samples]
    return Boilerplate(np.sort(keys), tuple(examples[:EXAMPLES]))


def _sum(tables: list[pa.Table]) -> pa.Table:
    grouped = pa.concat_tables(tables).group_by(["line", "beside"], use_threads=False).aggregate([("documents", "sum")])
    return grouped.select(["line", "beside", "documents_sum"]).rename_columns(_PAIRS.names).cast(_PAIRS)


def _most_repeated(pairs: pa.Table, most: int) -> pa.Table:
    """The pairs of the lines that are in most documents."""
    if pairs.num_rows <= most:
        return pairs
    encoded = pairs.column("line").combine_chunks().dictionary_encode()
    line = encoded.indices.to_numpy()
    documents = np.bincount(line, pairs.column("documents").to_numpy())[line]
    order = np.lexsort((pairs.column("line").to_numpy(), -documents))[:most]
    return pairs.take(pa.array(np.sort(order)))
