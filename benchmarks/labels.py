"""Labels of themes beside those of BERTopic's recipe, on texts that neither has seen.

    python benchmarks/labels.py [PATH…]

BBC news come from the ``demo`` extra; ``topics/collections.py`` says what a PATH can be. Themes are found in every
second document. The ten best words of each are scored on the other half:

coherence
    mean NPMI (Bouma 2009) of the pairs of words of a theme, from the documents that have both; -1 to 1;
diversity
    share of different words among those of all themes;
function words
    share of function words, numbers and single letters.

The recipe ranks by class-based TF-IDF alone (Grootendorst 2022), once with all words and once without English stop
words; themes and words are the same for all. Results go to ``benchmarks/results/labels.json`` and ``labels.md``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from topics.collections import Collection, bbc_news, limited, load

from eopiez_ray.phases.motifs.function_words import are_function_words
from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.themes import count_by_theme, find_themes, label_themes
from eopiez_ray.phases.themes.labels import class_tf_idf
from eopiez_ray.phases.vectors import fit, sketch
from eopiez_ray.phases.vectors.terms import count_matrix

RESULTS = Path(__file__).parent / "results"
MOST = 8_000
"""Documents of a collection."""
TERMS = 10
HEADER = ("collection", "labels", "coherence", "diversity", "function words")

Labels = list[list[str]]


def main() -> None:
    """Print the table, and write it as Markdown and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, help="labelled collections")
    collections = [bbc_news(), *(limited(load(path), MOST) for path in parser.parse_args().paths)]
    rows = [row for collection in collections for row in measured(collection)]
    lines = [HEADER, ("---",) * len(HEADER), *(_cells(row) for row in rows)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "labels.json").write_text(json.dumps(rows, indent=1) + "\n")
    (RESULTS / "labels.md").write_text(table)


def measured(collection: Collection) -> list[dict[str, Any]]:
    """The scores of each way to label the same themes."""
    tokens, held_out = (_tokens(collection.texts[half::2]) for half in (0, 1))
    model = fit([sketch(tokens)], provider="hybrid")
    themes = find_themes(model.embed(tokens)).themes
    counts = count_by_theme(tokens, themes, int(themes.max()) + 1)
    ranked = class_tf_idf(counts.counts, counts.words)
    names = counts.terms.to_pylist()
    ways = {
        "eopiez": [terms for terms, _ in label_themes(counts, TERMS)],
        "c-TF-IDF": _best(ranked, names, frozenset()),
        "c-TF-IDF, stop words left out": _best(ranked, names, ENGLISH_STOP_WORDS),
    }
    seen = _Seen(held_out)
    return [{"collection": collection.name, "labels": way, **_scores(labels, seen)} for way, labels in ways.items()]


def _tokens(texts: Sequence[str]) -> pa.Table:
    return tokenize(
        pa.table({"document_id": [str(i) for i in range(len(texts))], "text": pa.array(texts, pa.string())})
    )


def _best(ranked: sparse.csr_matrix, names: list[str], without: frozenset[str]) -> Labels:
    """The words of the greatest weights in each theme."""
    best = []
    for row in ranked:
        order = row.indices[np.argsort(-row.data, kind="stable")]
        best.append([name for name in (names[i] for i in order) if name not in without][:TERMS])
    return best


class _Seen:
    """Which documents of a collection have which words."""

    def __init__(self, tokens: pa.Table) -> None:
        counts, terms = count_matrix(tokens)
        self._documents = sparse.csc_matrix(counts > 0)
        self._column = {term: place for place, term in enumerate(terms.to_pylist())}
        occurrences = np.asarray(counts.sum(axis=0)).ravel().astype(np.int64)
        listed = are_function_words(terms, occurrences, int(occurrences.sum()))
        self.function_words = {term for term, is_one in zip(terms.to_pylist(), listed, strict=True) if is_one}

    def npmi(self, one: str, other: str) -> float:
        """Normalized pointwise mutual information of two words in a document; -1 if none has both."""
        if one not in self._column or other not in self._column:
            return -1.0
        first, second = (self._documents[:, self._column[word]] for word in (one, other))
        n = first.shape[0]
        together, alone, apart = first.multiply(second).nnz / n, first.nnz / n, second.nnz / n
        if together in {0.0, 1.0}:
            return float(2 * together - 1)
        return math.log(together / (alone * apart)) / -math.log(together)


def _scores(labels: Labels, seen: _Seen) -> dict[str, float]:
    words = [word for terms in labels for word in terms]
    pairs = [seen.npmi(*pair) for terms in labels for pair in itertools.combinations(terms, 2)]
    empty = [word for word in words if word in seen.function_words or len(word) < 2 or not word.strip("0123456789.,")]
    return {
        "coherence": sum(pairs) / len(pairs),
        "diversity": len(set(words)) / len(words),
        "function words": len(empty) / len(words),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["collection"], row["labels"], *(f"{row[name]:.3f}" for name in HEADER[2:]))


if __name__ == "__main__":
    main()
