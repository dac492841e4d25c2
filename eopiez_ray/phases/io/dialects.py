"""How a table of delimited text is written: what separates its columns, how texts are quoted, where its header is."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from eopiez_ray.phases.io.headers import names_columns
from eopiez_ray.phases.io.options import ReadOptions, is_known_name

SAMPLE_LINES = 200
"""Lines that are looked at."""
LINES_ABOVE = 30
"""Lines above which a header can be."""
_DELIMITERS = ",;\t|"
_RARE_DELIMITERS = "^~\x1f\x01"
"""These separate columns only where the header has a name that is known."""
_NAMED = re.compile(r'"?sep=(.)"?[;,\t]*', re.IGNORECASE)
"""The line by which spreadsheets name the delimiter."""
csv.field_size_limit(2**31 - 1)
_ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written."""

    delimiter: str = ","
    is_quoted: bool = True
    """Whether ``"`` encloses texts; otherwise it is a character like others."""
    has_backslashes: bool = False
    r"""Whether a quote inside a text is written ``\"``, as databases do, and not only ``""``."""
    above: int = 0
    """Lines above the header."""
    header: tuple[str, ...] = ()
    is_table: bool = False
    """Whether there is more than one column, and most rows have as many as the header."""
    has_names: bool = True
    """Whether the header names the columns, and is no row like those below it."""
    problem: str = ""
    """Why the header cannot be used; empty if it can."""

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of each row.

        Raises:
            csv.Error: the quotes of a row break the rules; the next row can be asked for.
        """
        if self.has_backslashes:
            lines = map(without_backslashes, lines)
        if not self.is_quoted:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)
        return csv.reader(lines, delimiter=self.delimiter, strict=True)


def without_backslashes(line: str) -> str:
    """A line whose quotes are escaped by backslashes, with doubled quotes instead."""
    return _ESCAPED.sub(lambda match: '""' if match[1] == '"' else "\\", line) if "\\" in line else line


def find_dialect(text: str, options: ReadOptions, *, is_tabbed: bool = False) -> Dialect:
    """The dialect of a table by its first lines.

    Args:
        text: complete lines, except perhaps for the last.
        is_tabbed: whether it is known that tabs separate the columns.
    """
    lines = text.split("\n")[: SAMPLE_LINES + 1]
    if len(lines) > 1:
        lines.pop()
    if (named := _NAMED.fullmatch(lines[0])) is not None:
        found = _laid_out(lines, named[1], options)
        return _escaping(found, lines[found.above :])
    found = _laid_out(lines, "\t", options) if is_tabbed else _best(lines, options)
    return _escaping(found, lines[found.above :])


def _best(lines: list[str], options: ReadOptions) -> Dialect:
    """The dialect that splits the header, and most of the next rows as often."""
    best, best_score = Dialect(header=tuple(lines[:1])), 0.0
    for delimiter in _DELIMITERS + _RARE_DELIMITERS:
        found = _laid_out(lines, delimiter, options)
        score = _score(found, lines)
        if delimiter in _RARE_DELIMITERS and not any(is_known_name(name, options) for name in found.header):
            continue
        if score > best_score:
            best, best_score = found, score
    return best


def _score(found: Dialect, lines: list[str]) -> float:
    width = len(found.header)
    if width < 2:
        return 0.0
    widths = [len(cells) for _, cells in _lenient(lines[found.above :], found.delimiter)]
    agreeing = sum(each == width for each in widths) / max(1, len(widths))
    return agreeing * math.sqrt(math.sqrt(width)) * (0.8 if found.above or found.problem else 1.0)


def _laid_out(lines: list[str], delimiter: str, options: ReadOptions) -> Dialect:
    """The dialect with its header found, given its delimiter."""
    rows = [(at, cells) for at, cells in _lenient(lines, delimiter) if at or not _NAMED.fullmatch(lines[0])]
    widths = Counter(len(cells) for _, cells in rows if len(cells) > 1)
    width = widths.most_common(1)[0][0] if widths else 1
    at, header = _header(rows, width, options)
    is_table = len(header) > 1 and len(header) == width
    has_names = not is_table or names_columns(header, [cells for line, cells in rows if line > at], options)
    problem = "" if is_table else _problem(rows, at, header, width)
    if at and not has_names:
        count = len(rows[0][1])
        has = f"{count} field{'s' * (count > 1)}"
        problem = f"line {rows[0][0] + 1} is no header: it has {has}, and the rows below it {width}"
    return Dialect(delimiter, above=at, header=tuple(header), is_table=is_table, has_names=has_names, problem=problem)


def _lenient(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the index of their first line, whatever is wrong with them; empty ones aside."""
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
    start = 0
    for cells in reader:
        if cells:
            yield start, cells
        start = reader.line_num


def _header(rows: list[tuple[int, list[str]]], width: int, options: ReadOptions) -> tuple[int, list[str]]:
    """The header and the index of its line: a row of names that are known, else the first that is like the others."""
    if not rows:
        return 0, []
    near = [(at, cells) for at, cells in rows if at <= LINES_ABOVE]
    fitting = [(at, cells) for at, cells in near if len(cells) == width and _is_filled(cells)]
    known = [row for row in fitting if any(is_known_name(name, options) for name in row[1])]
    if near[0] in fitting and not (known and near[0][1][0].startswith("#")):
        return near[0]
    if known:
        return known[0]
    if any(is_known_name(name, options) for name in near[0][1]):
        return near[0]
    plain = next((row for row in fitting if not row[1][0].startswith("#")), None)
    if plain is None:
        return near[0]
    below = [len(cells) == width for at, cells in rows if at >= plain[0]]
    return plain if sum(below) > 1 and sum(below) >= 0.8 * len(below) else near[0]


def _is_filled(cells: list[str]) -> bool:
    """Whether a row is more than a title, which spreadsheets pad with empty cells."""
    return len(cells) == 1 or sum(bool(cell.strip()) for cell in cells) > 1


def _problem(rows: list[tuple[int, list[str]]], at: int, header: list[str], width: int) -> str:
    """Why a row cannot be the header: all the others have another number of fields."""
    below = [cells for line, cells in rows if line > at]
    if len(header) < 2 or len(below) < 3 or any(_agrees(cells, header) for cells in below):
        return ""
    return f"line {at + 1} is no header: it has {len(header)} fields, and the rows below it {width}"


def _agrees(cells: list[str], header: list[str]) -> bool:
    return len(cells) == len(header) or (len(cells) == len(header) + 1 and not cells[-1])


def _escaping(found: Dialect, lines: list[str]) -> Dialect:
    """The dialect with the way in which its quotes are written."""
    escaped = replace(found, has_backslashes=True)
    has_escapes = any('\\"' in line for line in lines)
    if found.delimiter == "\t":
        ways = [found, escaped] if has_escapes else [found]
        return next((way for way in ways if _is_quoted(way, lines)), replace(found, is_quoted=False))
    return escaped if has_escapes and _good_rows(escaped, lines) > _good_rows(found, lines) else found


def _good_rows(dialect: Dialect, lines: list[str]) -> int:
    rows = dialect.rows(line + "\n" for line in lines)
    good = 0
    while True:
        try:
            cells = next(rows, None)
        except csv.Error:
            continue
        if cells is None:
            return good
        good += len(cells) == len(dialect.header)


def _is_quoted(dialect: Dialect, lines: list[str]) -> bool:
    """Whether quotes in a table of tabs can only be understood as enclosing texts.

    Such tables are mostly written without quoting, and then a text may begin with ``"``, and even end with it.
    """
    if not any('"' in line for line in lines):
        return False
    try:
        rows = [cells for cells in dialect.rows(line + "\n" for line in lines) if cells]
    except csv.Error:
        return False
    width = len(dialect.header)
    plain = [line.split("\t") for line in lines if line]
    if any(len(cells) != width for cells in rows):
        return False
    if any(len(cells) != width for cells in plain):
        return True
    return any('""' in cell for row in plain for cell in row if _is_enclosed(cell)) or _has_enclosed_column(plain)


def _is_enclosed(cell: str) -> bool:
    return len(cell) > 2 and cell[0] == cell[-1] == '"'


def _has_enclosed_column(rows: list[list[str]]) -> bool:
    """Whether the header is quoted, or all of at least three cells below each other."""
    if any(_is_enclosed(name) for name in rows[0]):
        return True
    columns = zip(*rows[1:], strict=True)
    return len(rows) > 3 and any(all(map(_is_enclosed, column)) for column in columns)
