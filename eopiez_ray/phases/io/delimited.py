"""Rows of CSV and TSV. A quote that is wrong costs its own row, and not those below it."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Iterator
from dataclasses import replace

from eopiez_ray.errors import UnreadableInputError
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.dialects import Dialect, find_dialect
from eopiez_ray.phases.io.encodings import text_lines
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.headers import are_short
from eopiez_ray.phases.io.options import ReadOptions, unique_names
from eopiez_ray.phases.io.records import Piece, Remark, rejected
from eopiez_ray.phases.io.sniffing import Format, Opened

_LONGEST_ROW = 64 << 20
"""Characters of a row that goes over many lines; beyond, its quote never closes."""
_SHORTEST_SEARCH = 1 << 20
"""Characters in which the end of a quote is still looked for after several have never closed."""
_CHECKED_LINES = 1_000
_MANY_LINES = 6
"""Lines of a quoted text that do not all have as many fields as the header by chance."""
_DIGITS, _LETTERS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")

Row = Piece[dict[str, str]]


def read_delimited(
    file: InputFile, opened: Opened, options: ReadOptions, encoding: str
) -> Iterator[Row | Reject | Remark]:
    """The rows below the header, each by its first line.

    Raises:
        UnreadableInputError: the first line is no header.
    """
    head = opened.head.decode(encoding, "replace").removeprefix("\ufeff")
    head = head.replace("\r\n", "\n").replace("\r", "\n")
    dialect = find_dialect(head, options, is_tabbed=opened.format is Format.TSV)
    if dialect.problem:
        raise UnreadableInputError(file.source, dialect.problem, "name the columns in its first line")
    lines = text_lines(opened.stream, encoding)
    for _ in range(dialect.above):
        next(lines, None)
    if dialect.above:
        yield Remark(file.source, "line above the header", dialect.above)
    yield from _Rows(file.source, lines, dialect).read()


class _Lines:
    """Lines that are handed out one by one, and can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._again = lines, list[str]()
        self.taken: list[str] = []
        """Since the last row ended."""
        self.limit = _LONGEST_ROW
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        taken = self.taken
        while self._again:
            taken.append(self._again.pop())
            if len(taken) >= _CHECKED_LINES and self._is_too_long():
                return
            yield taken[-1] + "\n"
        for line in self._lines:
            taken.append(line)
            if len(taken) >= _CHECKED_LINES and self._is_too_long():
                return
            yield line + "\n"

    def _is_too_long(self) -> bool:
        if len(self.taken) % _CHECKED_LINES == 0:
            self._size = self._size * (len(self.taken) > _CHECKED_LINES) + sum(map(len, self.taken[-_CHECKED_LINES:]))
        return self._size > self.limit and len(self.taken) % _CHECKED_LINES == 0

    def give_back(self, lines: list[str]) -> None:
        """Let these lines come next; look less far for the end of a quote from now on."""
        self._again.extend(reversed(lines))
        if len(lines) > _CHECKED_LINES:
            self.limit = max(_SHORTEST_SEARCH, self.limit // 4)


class _Rows:
    """The rows of one table."""

    def __init__(self, source: str, lines: Iterator[str], dialect: Dialect) -> None:
        self._source, self._dialect = source, dialect
        self._lines = _Lines(lines)
        self._names: list[str] = []
        self._width = -1
        """Fields of a row; -1 until the header has been read."""
        self._number = dialect.above + 1
        """The line at which the next row begins."""

    def read(self) -> Iterator[Row | Reject | Remark]:
        taken = self._lines.taken
        rows = self._dialect.rows(self._lines)
        while True:
            taken.clear()
            try:
                cells = next(rows, None)
            except csv.Error:
                yield from self._recovered(list(taken))
                rows = self._dialect.rows(self._lines)
                continue
            if cells is None:
                return
            if len(taken) > 1 and self._names and (len(cells) != self._width or self._is_glued(taken)):
                yield from self._recovered(list(taken))
                rows = self._dialect.rows(self._lines)
                continue
            number = self._number
            self._number += len(taken)
            if len(cells) == self._width:
                yield Piece(number, dict(zip(self._names, cells, strict=True)))
            else:
                yield from self._other(number, cells)

    def _other(self, number: int, cells: list[str]) -> Iterator[Row | Reject | Remark]:
        """A row that is empty, the header, or has not as many cells as that."""
        if not cells:
            yield Remark(f"{self._source}:{number}", "blank line", 1)
        elif not self._names:
            yield from self._headed(number, cells)
        elif len(cells) == self._width + 1 and not cells[-1]:
            yield Piece(number, dict(zip(self._names, cells, strict=False)))
        elif self._width == 1:
            yield Remark(f"{self._source}:{number}", "there is one column alone; the row was read as one text")
            yield Piece(number, {self._names[0]: self._dialect.delimiter.join(cells)})
        else:
            yield self._ragged(number, cells)

    def _headed(self, number: int, cells: list[str]) -> Iterator[Row | Remark]:
        """Take the names from the first row; if it does not look like names, it is a row like the others."""
        self._width = len(cells)
        if not (self._dialect.has_names if self._dialect.is_table else are_short(cells)):
            self._names = [f"column{i}" for i in range(1, len(cells) + 1)]
            yield Remark(
                f"{self._source}:{number}", "the table has no header; its columns are called column1, column2 …"
            )
            yield Piece(number, dict(zip(self._names, cells, strict=True)))
            return
        given = [cell.strip() or f"column{i}" for i, cell in enumerate(cells, 1)]
        self._names = unique_names(given)
        for name, unique in zip(given, self._names, strict=True):
            if name != unique:
                what = f"there is another column {name!r}, here called {unique!r}; name the one that you want"
                yield Remark(f"{self._source}:{number}", what)

    def _ragged(self, number: int, cells: list[str]) -> Reject:
        reason = f"the row has {len(cells)} fields, but the header has {self._width}"
        return rejected(f"{self._source}:{number}", reason, " | ".join(cell[:80] for cell in cells[:80]))

    def _is_glued(self, lines: list[str]) -> bool:
        """Whether a row that goes over several lines is made of several rows.

        Then each line begins like the first one, with a number or an id, or many have as many fields as the header.
        """
        delimiter, fields = self._dialect.delimiter, self._width - 1
        if not fields:
            return False
        first = _shape(lines[0], delimiter)
        if "9" in first and all(line.count(delimiter) >= fields and _shape(line, delimiter) == first for line in lines):
            return True
        return fields > 1 and len(lines) >= _MANY_LINES and all(line.count(delimiter) == fields for line in lines)

    def _recovered(self, lines: list[str]) -> Iterator[Row | Reject | Remark]:
        """What can be made of lines whose quotes do not fit: the first as it stands, and the others are read again."""
        number, place = self._number, f"{self._source}:{self._number}"
        if not lines:
            return
        cells = self._alone(lines[0])
        following = next((i for i, line in enumerate(lines[1:], 1) if self._alone(line)), len(lines))
        if cells is not None and (following == 1 or not self._names):
            self._number += 1
            self._lines.give_back(lines[1:])
            yield Remark(place, "a quote in it does not fit; the row was read as it stands")
            yield from self._other(number, cells) if not self._names else [self._row(number, cells)]
            return
        self._number += following
        self._lines.give_back(lines[following:])
        reason = "a quote in it is not closed, or not escaped"
        if following > 1:
            reason += f" (lines {number:,} to {number + following - 1:,})"
        yield rejected(place, reason, lines[0])

    def _row(self, number: int, cells: list[str]) -> Row:
        return Piece(number, dict(zip(self._names, cells, strict=True)))

    def _alone(self, line: str) -> list[str] | None:
        """The cells of a line by itself, read in whichever way gives as many as the header has."""
        width = self._width if self._names else len(self._dialect.header)
        return next((cells for cells in _readings(line, self._dialect) if len(cells) == width), None)


def _readings(line: str, dialect: Dialect) -> Iterator[list[str]]:
    """The cells of a line in all ways in which its quotes may be meant, the strictest first."""
    for strict in (dialect, replace(dialect, has_backslashes=True)):
        with contextlib.suppress(csv.Error):
            yield next(strict.rows([line]), [])
    if dialect.is_quoted and '"' in line:
        yield _by_ends(line, dialect.delimiter)
    yield next(replace(dialect, is_quoted=False).rows([line]), [])


def _by_ends(line: str, delimiter: str) -> list[str]:
    """The cells of a line in which a quote closes only at the end of a cell: ``"She said "no" to him"``."""
    end = rf"(?={re.escape(delimiter)}|$)"
    cell = rf'"((?:[^"]|"(?!{re.escape(delimiter)}|$))*+)"{end}|([^{re.escape(delimiter)}]*+){end}'
    found = re.finditer(rf"(?:^|{re.escape(delimiter)})(?:{cell})", line)
    return [match[2] if match[1] is None else match[1].replace('""', '"') for match in found]


def _shape(line: str, delimiter: str) -> str:
    """What the first cell of a line looks like: ``17`` and ``9`` are alike, ``a-1`` and ``bc-22`` too."""
    cell = line[:80].partition(delimiter)[0].lstrip('"')
    return _LETTERS.sub("a", _DIGITS.sub("9", cell))
