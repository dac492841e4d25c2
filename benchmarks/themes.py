"""Themes beside rivals, against the sections that people sorted the same texts into.

    python benchmarks/themes.py [PATH…] [--limit N] [--seeds N] [--runs N] [--resume]

BBC news come from the ``demo`` extra; ``topics/collections.py`` says what else a PATH can be, and how the samples are
made that are skewed, short, noisy or mixed. Ours are not told how many themes there are; all rivals but HDBSCAN are
(``topics/rivals.py``). Stability is the mean NMI between runs on different 90 % of the documents, vectors and all.

``make bench-themes COLLECTIONS="PATH…"`` runs it. Results go to ``results/themes.json``, a table to
``results/themes.md``, a chart to ``results/themes.svg``; the last two are made to be copied into ``docs/``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from topics.collections import Collection, bbc_news, limited, load, mixed, noisy, short, skewed
from topics.rivals import partitions
from topics.scoring import Agreement, Labels, agreement, stability

from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.themes import find_themes
from eopiez_ray.phases.vectors import fit, sketch

RESULTS = Path(__file__).parent / "results"
OURS = "eopiez"
PARTITION = 2_000
Vectors = np.ndarray[Any, np.dtype[np.float32]]
Row = dict[str, Any]
"""A sample: ``collection``, ``kind``, ``documents``, ``sections``, ``stability``, ``seconds``, ``methods`` by name."""


def main() -> None:
    """Print a line for each sample, then the means; write table, chart and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="labelled collections beside BBC news")
    parser.add_argument("--limit", type=int, default=4_000, help="documents of a collection at most")
    parser.add_argument("--seeds", type=int, default=2, help="skewed samples of each collection")
    parser.add_argument("--runs", type=int, default=5, help="runs for the stability of each whole collection")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has measured")
    options = parser.parse_args()
    collections = [bbc_news(), *map(load, options.paths)]
    found = RESULTS / "themes.json"
    RESULTS.mkdir(exist_ok=True)
    rows: list[Row] = json.loads(found.read_text()) if options.resume and found.exists() else []
    known = {(row["collection"], row["kind"]) for row in rows}
    for sample in samples(collections, options.limit, options.seeds):
        if (sample.name, sample.kind) not in known:
            rows.append(measured(sample, options.runs if sample.kind == "whole" else 0))
            print(line(rows[-1]), flush=True)
            found.write_text(json.dumps(rows, indent=1) + "\n")
    print(*summary(rows), sep="\n")
    (RESULTS / "themes.md").write_text(markdown(rows))
    (RESULTS / "themes.svg").write_text(chart(rows))


def samples(collections: list[Collection], limit: int, seeds: int) -> Iterator[Collection]:
    """Each collection and its samples, and each mixed with the next."""
    for collection in collections:
        whole = limited(collection, limit)
        yield whole
        yield from (limited(skewed(collection, seed), limit) for seed in range(seeds))
        yield short(whole)
        yield noisy(whole, 0)
    for one, other in pairwise(collections):
        yield mixed(limited(one, limit // 2), limited(other, limit // 2))


def measured(sample: Collection, runs: int) -> Row:
    """The agreement of our themes and of all rivals with the sections of a sample."""
    tokens = tokenize(_documents(sample.texts))
    vectors = _vectors(tokens)
    started = time.perf_counter()
    found = find_themes(vectors)
    seconds = time.perf_counter() - started
    methods = {OURS: agreement(sample.labels, found.themes)}
    for name, division in partitions(sample.texts, vectors, sample.sections).items():
        methods[name] = agreement(sample.labels, division)
    return {
        "collection": sample.name,
        "kind": sample.kind,
        "documents": len(sample.texts),
        "sections": sample.sections,
        "seconds": round(seconds, 3),
        "stability": stability(len(sample.texts), lambda rows: _themes_of(tokens, rows), runs) if runs else None,
        "methods": {name: asdict(each) for name, each in methods.items()},
    }


def _themes_of(tokens: pa.Table, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Labels:
    return find_themes(_vectors(tokens.take(pa.array(rows)))).themes


def _vectors(tokens: pa.Table) -> Vectors:
    parts = [tokens.slice(start, PARTITION) for start in range(0, tokens.num_rows, PARTITION)]
    model = fit([sketch(part) for part in parts])
    return np.vstack([model.embed(part) for part in parts])


def _documents(texts: list[str]) -> pa.Table:
    return pa.table({"document_id": [str(i) for i in range(len(texts))], "text": pa.array(texts, pa.string())})


def line(row: Row) -> str:
    """NMI and ARI of each method, ours with the number of themes found."""
    figures = (f"{name} {each['nmi']:.3f} {each['ari']:.3f}" for name, each in row["methods"].items())
    found = f"{row['methods'][OURS]['themes']}/{row['sections']}"
    return f"{row['collection']}, {row['kind']} ({row['documents']:,}), {found} themes: {'; '.join(figures)}"


def summary(rows: list[Row]) -> list[str]:
    """What the requirements ask for."""
    ratios = [row["methods"][OURS]["themes"] / row["sections"] for row in rows]
    within = sum(0.5 <= ratio <= 2 for ratio in ratios)
    worst = min(((_shortfall(row), f"{row['collection']}, {row['kind']}") for row in rows), key=lambda item: item[0])
    stable = [row["stability"] for row in rows if row["stability"] is not None]
    means = (f"{name} {mean(rows, name, 'nmi'):.3f} and {mean(rows, name, 'ari'):.3f}" for name in methods_of(rows))
    return [
        f"Mean NMI and ARI of {len(rows)} samples: {'; '.join(means)}.",
        f"Number of themes within half and twice the number of sections: {within} of {len(rows)}.",
        f"NMI over that of the best rival, at least: {worst[0]:.2f} ({worst[1]}).",
        f"Stability of the whole collections: {statistics.mean(stable):.3f} in the mean, {min(stable):.3f} at least.",
    ]


def _shortfall(row: Row) -> float:
    rivals = [each["nmi"] for name, each in row["methods"].items() if name != OURS]
    return float(row["methods"][OURS]["nmi"] / max(rivals))


def methods_of(rows: list[Row]) -> list[str]:
    return list(rows[0]["methods"])


def mean(rows: list[Row], method: str, figure: str) -> float:
    return statistics.mean(float(row["methods"][method][figure]) for row in rows)


def markdown(rows: list[Row]) -> str:
    """For ``docs/``, with the day and the machine."""
    names = methods_of(rows)
    head = ["collection", "documents", "themes / sections", "stability", *names]
    body = [[*_facts(row), *(_figures(Agreement(**row["methods"][name])) for name in names)] for row in rows]
    means = [f"**{mean(rows, name, 'nmi'):.3f} · {mean(rows, name, 'ari'):.3f}**" for name in names]
    lines = [head, ["---"] * len(head), *body, ["**mean**", "", "", "", *means]]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    place = f"{today}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."
    return "\n".join([place, "", *(f"| {' | '.join(cells)} |" for cells in lines), "", *summary(rows), ""])


def _facts(row: Row) -> list[str]:
    found = f"{row['methods'][OURS]['themes']} / {row['sections']}"
    stable = "–" if row["stability"] is None else f"{row['stability']:.3f}"
    return [f"{row['collection']}, {row['kind']}", f"{row['documents']:,}", found, stable]


def _figures(each: Agreement) -> str:
    return f"{each.nmi:.3f} · {each.ari:.3f}"


def chart(rows: list[Row]) -> str:
    """Bars of the mean NMI (full) and ARI (pale) of each method, by kind of sample."""
    left, scale, width, top = 130, 480, 760, 10
    parts: list[str] = []
    for kind in dict.fromkeys(row["kind"].split()[0] for row in rows):
        own = [row for row in rows if row["kind"].split()[0] == kind]
        parts.append(f'<text x="4" y="{top + 12}" font-weight="bold">{kind} ({len(own)})</text>')
        top += 18
        for name in methods_of(rows):
            nmi, ari = mean(own, name, "nmi"), mean(own, name, "ari")
            style = "ours" if name == OURS else "other"
            parts += [
                f'<text x="{left - 8}" y="{top + 12}" text-anchor="end">{name}</text>',
                f'<rect class="{style}" x="{left}" y="{top + 1}" width="{scale * nmi:.0f}" height="8" rx="2"/>',
                f'<rect class="{style} pale" x="{left}" y="{top + 9}" width="{scale * max(ari, 0):.0f}" height="6"/>',
                f'<text x="{left + scale * nmi + 6:.0f}" y="{top + 12}">{nmi:.3f} · {ari:.3f}</text>',
            ]
            top += 18
        top += 10
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}"',
        ' font-family="sans-serif" font-size="12">',
        "<style>text{fill:#555}.ours{fill:#3b6fd4}.other{fill:#b9bec8}.pale{opacity:.55}</style>",
        f'<rect width="{width}" height="{top}" fill="#fff"/>',
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


if __name__ == "__main__":
    main()
