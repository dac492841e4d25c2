"""What the sheaf adds: themes with and without the consistency of edges in their weights, on the same samples.

    python benchmarks/sheaf.py [PATH…] [--limit N] [--seeds N]

Collections and samples are those of ``benchmarks/themes.py``. Without the sheaf an edge weighs its similarity alone.
Results go to ``benchmarks/results/sheaf.md``.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from themes import RESULTS, samples
from topics.collections import Collection, bbc_news, load
from topics.scoring import Agreement, Labels, agreement

from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.themes.communities import SEEDS
from eopiez_ray.phases.themes.finding import search_themes, settle_themes
from eopiez_ray.phases.themes.graph import DocumentGraph, weighted_graph
from eopiez_ray.phases.themes.subject import Subject, ThemeOptions
from eopiez_ray.phases.vectors import fit, sketch
from eopiez_ray.phases.vectors.neighbours import PARTS

Pair = tuple[Agreement, Agreement]


def main() -> None:
    """Print a line for each sample, then the means, and write them as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="labelled collections beside BBC news")
    parser.add_argument("--limit", type=int, default=1_500, help="documents of a collection at most")
    parser.add_argument("--seeds", type=int, default=3, help="skewed samples of each collection")
    options = parser.parse_args()
    collections = [bbc_news(), *map(load, options.paths)]
    rows: list[tuple[str, Pair]] = []
    for sample in samples(collections, options.limit, options.seeds):
        rows.append((f"{sample.name}, {sample.kind}", measured(sample)))
        print(_line(*rows[-1]), end="", flush=True)
    head = "| sample | with the sheaf | without |\n| --- | --- | --- |\n"
    mean = _mean([pair for _, pair in rows])
    print(mean, end="")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "sheaf.md").write_text(head + "".join(_line(*row) for row in rows) + mean)


def measured(sample: Collection) -> Pair:
    """The agreement with the sections, with and without the sheaf."""
    ids = [str(i) for i in range(len(sample.texts))]
    tokens = tokenize(pa.table({"document_id": ids, "text": pa.array(sample.texts, pa.string())}))
    vectors = fit([sketch(tokens)]).embed(tokens)
    subject = Subject.of(vectors, ThemeOptions())
    graph = DocumentGraph.of(subject, (subject.comparison.part(subject.vectors, part) for part in range(PARTS)))
    plain = replace(graph, weights=weighted_graph(len(subject.vectors), graph.ends, graph.similarities))
    found = [themes_of(subject, each) for each in (graph, plain)]
    return agreement(sample.labels, found[0]), agreement(sample.labels, found[1])


def themes_of(subject: Subject, graph: DocumentGraph) -> Labels:
    """The theme of each document, by the weights of this graph."""
    return settle_themes(subject, graph, [search_themes(subject, graph, seed) for seed in range(SEEDS)]).themes


def _line(name: str, pair: Pair) -> str:
    return f"| {name} | {' | '.join(f'{each.nmi:.3f} · {each.ari:.3f} · {each.themes}' for each in pair)} |\n"


def _mean(pairs: list[Pair]) -> str:
    sides = list(zip(*pairs, strict=True))
    nmi, ari = ([statistics.mean(getattr(each, name) for each in side) for side in sides] for name in ("nmi", "ari"))
    means = (f"**{each:.3f} · {other:.3f}**" for each, other in zip(nmi, ari, strict=True))
    return f"| **mean of {len(pairs)}** | {' | '.join(means)} |\n"


if __name__ == "__main__":
    main()
