"""What a user can specify about the input, and which columns of a table are used by default."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from eopiez_ray.errors import ParameterError, UnknownColumnError
from eopiez_ray.model.names import shown
from eopiez_ray.phases.io.encodings import checked_encoding

KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "body", "content", "contents", "message", "article", "document", "fulltext", "articletext", "maintext",
        "review", "reviewtext", "comment", "post", "tweet", "selftext", "story", "transcript", "abstract",
        "description", "summary",
    ),
    "id": ("id", "documentid", "docid", "uuid", "guid", "key", "articleid", "messageid", "reviewid", "postid", "pmid"),
    "title": ("title", "headline", "subject", "heading", "name"),
    "time": (
        "time", "date", "datetime", "timestamp", "createdat", "created", "publishedat", "published", "publisheddate",
        "publishdate", "publicationdate", "pubdate", "postedat", "sentat", "createdutc",
    ),
    "label": (
        "label", "category", "class", "section", "topic", "newsgroup", "group", "genre", "sentiment", "tag", "target",
    ),
}  # fmt: skip
"""Names recognized for each role, best first, compared without case, spaces, hyphens and underscores."""

SAMPLE_ROWS = 100
"""How many rows of a table are examined before its columns are chosen."""
PROSE_LENGTH = 20
"""Mean length in characters from which an unnamed column counts as text."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How input is read. A column that is None is recognized by its name, and missing if no name fits."""

    text_column: str | None = None
    id_column: str | None = None
    time_column: str | None = None
    label_column: str | None = None
    title_column: str | None = None
    encoding: str | None = None
    """Encoding of every file; None detects each file's own."""
    batch_characters: int = 4 << 20
    """Amount of text after which a batch is closed; it holds at least one document, however long."""
    batch_rows: int = 4_000
    """Number of documents and rejects after which a batch is closed."""

    def __post_init__(self) -> None:
        for role in KNOWN_NAMES:
            name = getattr(self, f"{role}_column") or ""
            if name != _storable(name):
                raise ParameterError(f"--{role}-column {shown(name)} is not UTF-8, and no column has that name")
        if self.encoding:
            checked_encoding(self.encoding)


def _storable(name: str) -> str:
    return name.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one table by role; None where there is none."""

    text: str
    id: str | None = None
    title: str | None = None
    time: str | None = None
    label: str | None = None

    def named(self) -> dict[str, str]:
        """Role to column, without missing ones."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}


def choose_columns(
    source: str, rows: Sequence[Mapping[str, Any]], options: ReadOptions, own: Collection[str] | None = None
) -> Columns:
    """The columns of a table, by what the user named, then by known names, and for the text also by length.

    Args:
        source: the table's name in errors.
        rows: its first rows.
        own: the columns that are not inside an object, whatever their names look like; all of them by default.

    Raises:
        UnknownColumnError: a named column does not exist, or no column can be taken for the text.
    """
    available = list(dict.fromkeys(name for row in rows for name in row))
    own = available if own is None else own
    plain = [name for name in available if name in own]
    others = {role: _choose(source, role, available, plain, options) for role in KNOWN_NAMES}
    taken = {name for name in others.values() if name}
    text = others.pop("text") or _longest_prose(rows, plain, taken) or _inner_text(rows, available, taken)
    if text is None:
        raise UnknownColumnError(source, "text", [shown(name) for name in available], "--text-column")
    if "." in text:
        beside = [name for name in available if _folder(name) == _folder(text)]
        others = {role: name or _recognize(role, beside) for role, name in others.items()}
    return Columns(text=text, **{role: name for role, name in others.items() if name != text})


def _inner_text(rows: Sequence[Mapping[str, Any]], available: list[str], taken: set[str]) -> str | None:
    """The text inside an object, such as ``post.text``, where no column is one."""
    inner = [name for name in available if "." in name]
    return _recognize("text", inner) or _longest_prose(rows, inner, taken)


def _folder(name: str) -> str:
    return name.rpartition(".")[0]


def _choose(source: str, role: str, available: list[str], plain: list[str], options: ReadOptions) -> str | None:
    named: str | None = getattr(options, f"{role}_column")
    if named is None:
        return _recognize(role, plain)
    if named in available:
        return named
    same = [name for name in available if _folded(name) == _folded(named)]
    if len(same) == 1:
        return same[0]
    near = difflib.get_close_matches(named, available, 1)
    option = f"--{role}-column" + (f" (did you mean {shown(near[0])!r}?)" if near else "")
    raise UnknownColumnError(source, shown(named), [shown(name) for name in available], option)


def _recognize(role: str, available: list[str]) -> str | None:
    """The column with the best name; of one inside an object (``post.text``) the last part counts."""
    by_name = {_folded(name.rpartition(".")[2]): name for name in reversed(available)}
    return next((by_name[name] for name in KNOWN_NAMES[role] if name in by_name), None)


def _folded(name: str) -> str:
    return name.strip().casefold().replace("_", "").replace("-", "").replace(" ", "")


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, with ``.2``, ``.3`` … appended to repeated ones, so that each column can be named."""
    unique: list[str] = []
    taken = set(names)
    seen: dict[str, int] = {}
    for name in names:
        number, each = seen.get(name, 0) + 1, name
        while number > 1 and (each := f"{name}.{number}") in taken:
            number += 1
        seen[name] = number
        unique.append(each)
    return unique


def is_known_name(name: str, options: ReadOptions) -> bool:
    """Whether a column would be used because of this name alone."""
    named = {getattr(options, f"{role}_column") for role in KNOWN_NAMES}
    return name in named or any(_folded(name) in names for names in KNOWN_NAMES.values())


def _longest_prose(rows: Sequence[Mapping[str, Any]], available: list[str], taken: set[str]) -> str | None:
    free = [name for name in available if name not in taken]
    lengths = {name: [len(row[name]) for row in rows if isinstance(row.get(name), (str, bytes))] for name in free}
    means = {name: sum(found) / len(found) for name, found in lengths.items() if found}
    best = max(means, key=lambda name: means[name], default=None)
    if best is None or (means[best] < PROSE_LENGTH and len(available) > 1):
        return None
    return best
