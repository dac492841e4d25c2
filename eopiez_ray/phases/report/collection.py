"""One walk over the documents, a partition at a time: what the report needs of them and nothing more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.errors import ContractError
from eopiez_ray.phases.boilerplate import DocumentKind
from eopiez_ray.phases.languages.identification import UNDETERMINED
from eopiez_ray.phases.report.facts import Exemplar

Positions = npt.NDArray[np.int64]

TITLE_CHARACTERS = 90
SNIPPET_CHARACTERS = 220
_HEAD_CHARACTERS = 600
"""Of a text, from which its title and snippet are made."""
FACETS = ("label", "source", "language")
"""By which themes are compared."""
_ROW = r":\d+$"
"""How the source of a document ends whose file has others, too."""
_COMPRESSIONS = frozenset({".gz", ".zst", ".bz2", ".xz"})


@dataclass(slots=True)
class Collected:
    """What was seen of the documents."""

    documents: int = 0
    characters: int = 0
    empty: int = 0
    times: list[npt.NDArray[np.datetime64]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    """Of the sampled documents, in order."""
    exemplars: dict[str, Exemplar] = field(default_factory=dict)
    groups: dict[str, Counter[tuple[int, str]]] = field(default_factory=lambda: {facet: Counter() for facet in FACETS})
    """Documents by theme and label, by theme and source (a file of many documents), by theme and language."""
    formats: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    shortened: int = 0
    """Documents with words that were left out, for they are repeated."""
    left_out: int = 0
    """These words."""
    uninformative: int = 0
    """Documents that say nothing."""
    answers: Counter[str] = field(default_factory=Counter)
    """Those of them that repeat nothing, by what they say, without regard to case and to punctuation at the end."""
    spellings: dict[str, str] = field(default_factory=dict)
    """How the first document says each of these."""


def collect(
    documents: Iterable[pa.Table], themes: npt.NDArray[np.int32], sampled: Positions, exemplars: Collection[str]
) -> Collected:
    """Walk over the documents.

    Args:
        documents: tables with the columns of ``DOCUMENTS`` and ``TRAITS``.
        themes: the theme of each document, ``(n,)``.
        sampled: sorted positions of the documents whose titles are wanted.
        exemplars: ids of the documents that are shown in full.

    Raises:
        ContractError: there are more or fewer documents than themes.
    """
    found = Collected()
    wanted = pa.array(sorted(exemplars), pa.string())
    for table in documents:
        begin, end = found.documents, found.documents + table.num_rows
        if end > len(themes):
            break
        _count(table, themes[begin:end], found)
        _take_titles(table, sampled[np.searchsorted(sampled, begin) : np.searchsorted(sampled, end)] - begin, found)
        _take_exemplars(table.filter(pc.is_in(table.column("document_id"), wanted)), found)
        found.documents = end
    else:
        end = found.documents
    if end != len(themes):
        raise ContractError(f"{end:,} documents or more came with the themes of {len(themes):,} documents")
    return found


def _count(table: pa.Table, themes: npt.NDArray[np.int32], found: Collected) -> None:
    texts = table.column("text")
    found.characters += pc.sum(pc.utf8_length(texts)).as_py() or 0
    found.empty += pc.sum(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0)).as_py() or 0
    found.times.append(table.column("time").cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]"))
    for facet, values in _values(table).items():
        known = pa.table({"theme": themes, "value": values}).filter(pc.is_valid(values))
        for row in known.group_by(["theme", "value"]).aggregate([([], "count_all")]).to_pylist():
            found.groups[facet][row["theme"], row["value"]] += row["count_all"]
    found.formats.update(map(_ending, table.column("source").to_pylist()))
    found.languages.update(table.column("language").to_pylist())
    left_out = table.column("left_out").to_numpy()
    found.shortened += int((left_out > 0).sum())
    found.left_out += int(left_out.sum())
    silent = table.filter(pc.field("kind") == DocumentKind.UNINFORMATIVE)
    found.uninformative += silent.num_rows
    for answer in silent.filter(pc.field("left_out") == 0).column("text").to_pylist():
        spelling = shortened(answer, TITLE_CHARACTERS)
        said = spelling.casefold().rstrip(" .!?…") or spelling
        found.spellings.setdefault(said, spelling)
        found.answers[said] += 1


def _values(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """By facet the value of each document, or null."""
    sources, languages = table.column("source"), table.column("language")
    is_shared = pc.match_substring_regex(sources, _ROW)
    files = pc.replace_substring_regex(sources, _ROW, "")
    return {
        "label": table.column("label"),
        "source": pc.if_else(is_shared, files, None),
        "language": pc.if_else(pc.equal(languages, UNDETERMINED), None, languages),
    }


def _ending(source: str) -> str:
    """How a file is called by its ending, without the row and the compression."""
    path = PurePosixPath(source.rpartition(":")[0] if source.rpartition(":")[2].isdigit() else source)
    endings = [ending.lower() for ending in path.suffixes if ending.lower() not in _COMPRESSIONS]
    return endings[-1].removeprefix(".") if endings else "no ending"


def _take_titles(table: pa.Table, rows: Positions, found: Collected) -> None:
    taken = table.select(["title", "text"]).take(pa.array(rows))
    heads = pc.utf8_slice_codeunits(taken.column("text"), 0, _HEAD_CHARACTERS)
    pairs = zip(taken.column("title").to_pylist(), heads.to_pylist(), strict=True)
    found.titles.extend(title_of(title, head) for title, head in pairs)


def _take_exemplars(table: pa.Table, found: Collected) -> None:
    heads = pc.utf8_slice_codeunits(table.column("text"), 0, _HEAD_CHARACTERS).to_pylist()
    ids, titles = table.column("document_id").to_pylist(), table.column("title").to_pylist()
    for document_id, title, head in zip(ids, titles, heads, strict=True):
        shown = title_of(title, head)
        found.exemplars[document_id] = Exemplar(document_id, shown, snippet_of(shown, head))


def title_of(title: str | None, head: str) -> str:
    """A document's title, or its first line that says something, cut between words."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    return shortened(title or first, TITLE_CHARACTERS) or "(empty)"


def snippet_of(title: str, head: str) -> str:
    """How a document goes on after its title."""
    folded = " ".join(head.split())
    return shortened(folded.removeprefix(title.removesuffix(" …")).strip(), SNIPPET_CHARACTERS)


def shortened(text: str, limit: int) -> str:
    """The text on one line, cut between words where it is longer than ``limit`` characters."""
    folded = " ".join(text.split())
    if len(folded) <= limit:
        return folded
    head, _, rest = folded[:limit].rpartition(" ")
    return (head if len(head) > limit // 2 else head + " " + rest).strip() + " …"
