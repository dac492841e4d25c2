"""Which vectors lead to the best themes, how long each stage takes, and how exact the search for neighbours is.

    python benchmarks/vectors.py [PATH…] [--documents N] [--neighbours]

BBC news come from the ``demo`` extra; ``topics/collections.py`` says what else a PATH can be. The number of themes is
not given. ``--documents`` fills up the last collection with texts whose words are shuffled, for the times alone;
``--neighbours`` compares the approximate neighbour search with the exact one. Results go to
``benchmarks/results/vectors.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from topics.collections import Collection, bbc_news, load
from topics.scoring import agreement

from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.themes import find_themes
from eopiez_ray.phases.vectors import Provider, build_index, fit, nearest_neighbours, sketch

RESULTS = Path(__file__).parent / "results" / "vectors.json"
PROVIDERS: tuple[Provider, ...] = ("static", "lsa", "hybrid")
PARTITION = 2_000
REPEATED = "repeated"
"""The kind of a collection whose sections mean nothing."""
Value = TypeVar("Value")


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
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="labelled collections beside BBC news")
    parser.add_argument("--documents", type=int, help="also time that many documents")
    parser.add_argument("--neighbours", action="store_true", help="compare neighbour searches")
    options = parser.parse_args()
    collections = [bbc_news(), *map(load, options.paths)]
    if options.documents:
        collections.append(_repeated(collections[-1], options.documents))
    results = [row for collection in collections for row in _measure(collection, options.neighbours)]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _measure(collection: Collection, compare: bool) -> Iterator[dict[str, Any]]:
    characters = sum(map(len, collection.texts))
    print(f"\n{collection.name}: {len(collection.texts):,} documents, {characters / 1e6:.1f} MB")
    print(f"{'':10}{'NMI':>8}{'ARI':>8}{'themes':>8}   seconds")
    for provider in PROVIDERS:
        row = _measure_provider(collection, provider, compare)
        figures = "".join(f"{row[name]:8.3f}" if name in row else f"{'–':>8}" for name in ("nmi", "ari"))
        stages = "  ".join(f"{stage} {seconds:.2f}" for stage, seconds in row["seconds"].items())
        print(f"{provider:10}{figures}{row['themes']:8}   {stages}", flush=True)
        if compare:
            print(f"{'':10}approximate neighbours: {row['neighbour_recall']:.1%} of the exact ones", flush=True)
        yield row


def _measure_provider(collection: Collection, provider: Provider, compare: bool) -> dict[str, Any]:
    timer = Timer()
    parts = [collection.texts[i : i + PARTITION] for i in range(0, len(collection.texts), PARTITION)]
    tokens = timer("tokenize", lambda: [tokenize(_documents(part)) for part in parts])
    sketches = timer("sketch", lambda: [sketch(part) for part in tokens])
    model = timer("fit", lambda: fit(sketches, provider=provider))
    vectors = timer("embed", lambda: np.vstack([model.embed(part) for part in tokens]))
    ids = pa.array([str(i) for i in range(len(vectors))])
    timer("index", lambda: build_index([(ids, vectors)]))
    found = timer("themes", lambda: find_themes(vectors))
    row: dict[str, Any] = {"collection": collection.name, "provider": provider, "documents": len(vectors)}
    row |= {"themes": len(found.theme_consistency), "agreement": found.facts.agreement}
    if collection.kind != REPEATED:
        agreed = agreement(collection.labels, found.themes)
        row |= {"nmi": agreed.nmi, "ari": agreed.ari}
    if compare:
        exact = timer("exact", lambda: nearest_neighbours(vectors, 15, exact_limit=len(vectors)))
        near = timer("approximate", lambda: nearest_neighbours(vectors, 15, exact_limit=0))
        pairs = zip(exact.indices.tolist(), near.indices.tolist(), strict=True)
        row["neighbour_recall"] = float(np.mean([len(set(a) & set(b)) / len(a) for a, b in pairs]))
    return row | {"seconds": timer.seconds}


def _documents(texts: list[str]) -> pa.Table:
    return pa.table({"document_id": [str(i) for i in range(len(texts))], "text": pa.array(texts, pa.string())})


def _repeated(collection: Collection, n: int) -> Collection:
    shuffle = random.Random(0)
    texts = list(collection.texts)
    while len(texts) < n:
        words = shuffle.choice(collection.texts).split()
        shuffle.shuffle(words)
        texts.append(" ".join(words[: max(1, len(words) * 3 // 4)]))
    return replace(collection, name=f"{collection.name}, repeated", kind=REPEATED, texts=texts[:n])


if __name__ == "__main__":
    main()
