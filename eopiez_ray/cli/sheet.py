"""Tables that fit: a narrow terminal drops the least important columns, and names and numbers stay whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len, chop_cells
from rich.table import Table
from rich.text import Text

from .terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

Cell = str | Text
GAP = 2
"""Characters between columns."""
NARROWEST = 12
"""Minimum width of a column of names or sentences that has that many characters."""
SHARE = 4
"""A column of names or sentences keeps this part of the width before other columns are dropped: a quarter."""
_PIECES = re.compile(r"[^\s./_:-]*[\s./_:-]*")
"""Where a line may break: after spaces, dots, slashes, underscores, colons, hyphens."""


class Kind(Enum):
    """What the cells of a column hold."""

    FIGURE = auto()
    """Numbers: never broken, on the right."""
    WORD = auto()
    """A status, a time, an id: never broken."""
    NAME = auto()
    """Names and sentences: broken into lines, and never cut."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet."""

    title: str
    kind: Kind = Kind.WORD
    rank: int = 0
    """Where room is short, columns of the highest rank are dropped first, and empty ones always; those of rank 0
    stay."""


def figure(title: str, rank: int = 0) -> Column:
    """A column of numbers."""
    return Column(title, Kind.FIGURE, rank)


def name(title: str, rank: int = 0) -> Column:
    """A column of names or sentences."""
    return Column(title, Kind.NAME, rank)


def word(title: str, rank: int = 0) -> Column:
    """A column of short texts that are never broken."""
    return Column(title, Kind.WORD, rank)


class Sheet:
    """Rows of cells. A cell that is a plain string is shown as it is, on one line and without markup."""

    def __init__(self, *columns: Column) -> None:
        self.columns = columns
        self._rows: list[list[Text]] = []
        self._ends: set[int] = set()

    def add(self, *cells: Cell) -> None:
        """Add a row."""
        self._rows.append([cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in cells])

    def end_section(self) -> None:
        """Leave a blank line after the last row."""
        self._ends.add(len(self._rows) - 1)

    def print(self, console: Console) -> None:
        """Print it, as wide as the console allows."""
        console.print(self.fitted(console.width))

    def fitted(self, width: int) -> Table:
        """A table no wider than that."""
        widths = self._widths(width)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for at, given in widths.items():
            column = self.columns[at]
            table.add_column(column.title, width=given, no_wrap=True, overflow="fold")
            table.columns[-1].justify = "right" if column.kind is Kind.FIGURE else "left"
        for number, row in enumerate(self._rows):
            cells = [_folded(row[at], given) for at, given in widths.items()]
            table.add_row(*cells, end_section=number in self._ends)
        return table

    def _widths(self, width: int) -> dict[int, int]:
        """The columns shown, each with its width."""
        natural = [self._natural(at) for at in range(len(self.columns))]
        least = [
            min(size, max(NARROWEST, width // SHARE)) if column.kind is Kind.NAME else size
            for size, column in zip(natural, self.columns, strict=True)
        ]
        shown = [at for at, column in enumerate(self.columns) if not column.rank or any(row[at] for row in self._rows)]
        while _total([least[at] for at in shown]) > width and (going := self._least_important(shown)) is not None:
            shown.remove(going)
        names = [at for at in shown if self.columns[at].kind is Kind.NAME]
        widths = {at: natural[at] for at in shown}
        rest = width - _total([widths[at] for at in shown if at not in names]) - GAP * len(names)
        return widths | dict(zip(names, _shared(rest, [natural[at] for at in names]), strict=True))

    def _natural(self, at: int) -> int:
        cells = (cell_len(row[at].plain) for row in self._rows)
        return max(cell_len(self.columns[at].title), *cells, 1)

    def _least_important(self, shown: Sequence[int]) -> int | None:
        going = max(shown, key=lambda at: self.columns[at].rank)
        return going if self.columns[going].rank else None


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * max(0, len(widths) - 1)


def _shared(room: int, wanted: Sequence[int]) -> list[int]:
    """Divide room among columns: those that want little get it, the others share the rest equally."""
    given = [0] * len(wanted)
    left = room
    for place, at in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        given[at] = max(1, min(wanted[at], left // (len(wanted) - place)))
        left -= given[at]
    return given


def _folded(cell: Text, width: int) -> Text:
    """The cell in lines no longer than that, broken in natural places."""
    if cell_len(cell.plain) <= width:
        return cell
    folded, length = Text(style=cell.style), 0
    for start, end in _pieces(cell.plain, width):
        piece = cell[start:end]
        size = cell_len(piece.plain)
        if length and length + cell_len(piece.plain.rstrip()) > width:
            folded.append("\n")
            length = 0
        folded.append_text(piece)
        length += size
    return folded


def _pieces(text: str, width: int) -> list[tuple[int, int]]:
    """Where each unbreakable piece begins and ends; pieces longer than a line are cut."""
    found: list[tuple[int, int]] = []
    for match in _PIECES.finditer(text):
        start = match.start()
        for part in chop_cells(match[0], width) if match[0] else []:
            found.append((start, start + len(part)))
            start += len(part)
    return found
