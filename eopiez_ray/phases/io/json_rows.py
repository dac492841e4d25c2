"""Rows of JSON: objects a line, the elements of an array, values one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import MAXIMUM_ROW, text_chunks, text_lines
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.json_tables import rows_inside
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.records import Piece, Remark, kind_of, reason_of, rejected, whole_characters
from eopiez_ray.phases.io.sniffing import Opened

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""What may be half of a character beyond the basic plane, an emoji for example."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_WORD = re.compile(r'[^\s,\]{["]+')
_NEXT = re.compile(r"\s*(?:[,{\]]|\Z)")
"""What follows an element of an array, or a value in a sequence."""
_ASSIGNED = re.compile(r"\s*[A-Za-z_$][\w.$]*\s*=\s*(?=[\[{])")
"""What stands before the value where it is a script, as in exports of posts."""
_LONGEST_BROKEN = 16 << 20
"""Characters in which the end of a broken element is looked for."""
HALF_CHARACTER = "it has half a character (a lone surrogate), which became U+FFFD"
NOT_ENCODED = "the text has bytes that are invalid in the file's encoding; name it with --encoding"

Row = Piece[dict[str, Any]]


def _long_number(digits: str) -> int | str:
    """A whole number; one that Python refuses to convert stays as it is written."""
    try:
        return int(digits)
    except ValueError:
        return digits


_QUICK, _PATIENT = json.JSONDecoder(), json.JSONDecoder(parse_int=_long_number)


def read_jsonl(file: InputFile, opened: Opened, options: ReadOptions, encoding: str) -> Iterator[Row | Reject | Remark]:
    """The object of each line."""
    for number, line in enumerate(text_lines(opened.stream, encoding), 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield from _second_reading(file, number, line, error)
            continue
        if "\\u" in line and _HALF.search(line):
            yield from _mended(file, number, value, line)
        else:
            yield json_row(file, number, value)


def _second_reading(
    file: InputFile, number: int, line: str, error: ValueError | RecursionError
) -> Iterator[Row | Reject | Remark]:
    """A line that is no JSON at first sight."""
    place = f"{file.source}:{number}"
    if not line or line.isspace():
        yield Remark(place, "blank line", 1)
    elif isinstance(error, RecursionError):
        yield rejected(place, "the line is not JSON: it is nested too deeply", line)
    elif isinstance(error, json.JSONDecodeError):
        yield rejected(place, f"the line is not JSON: {error}", line)
    else:
        try:
            yield json_row(file, number, _PATIENT.decode(line))
        except (ValueError, RecursionError) as again:
            yield rejected(place, f"the line is not JSON: {again}", line)


def _mended(file: InputFile, number: int, value: Any, written: str) -> Iterator[Row | Reject | Remark]:
    """A row in which halves of characters may be escaped, as programs leave them that cut texts."""
    place = f"{file.source}:{number}"
    if whole_characters(written) != written:
        yield rejected(place, NOT_ENCODED, written)
        return
    whole = _whole(value)
    if whole != value:
        yield Remark(place, HALF_CHARACTER)
    yield json_row(file, number, whole)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {whole_characters(name): _whole(each) for name, each in value.items()}
    return value


def json_row(file: InputFile, number: int, value: Any) -> Row | Reject:
    """A value as a row: an object by its fields, a string as a text."""
    if isinstance(value, dict):
        return Piece(number, value)
    if isinstance(value, str):
        return Piece(number, {"text": value})
    return rejected(
        f"{file.source}:{number}", f"it is {kind_of(value)} and not an object with fields", str(value)[:200]
    )


def read_json(file: InputFile, opened: Opened, options: ReadOptions, encoding: str) -> Iterator[Row | Reject | Remark]:
    """The elements of an array, the values of a sequence, or the rows inside a single object."""
    items = _items(file, opened, encoding)
    first = list(_up_to_second(items))
    rows = [item for item in first if isinstance(item, Piece)]
    if len(rows) == 1 and not any(isinstance(item, Reject) for item in first):
        if (inner := rows_inside(rows[0].content, options)) is not None:
            yield from (item for item in first if isinstance(item, Remark))
            yield from (json_row(file, number, value) for number, value in enumerate(inner, 1))
            return
    yield from first
    yield from items


def _up_to_second(items: Iterator[Row | Reject | Remark]) -> Iterator[Row | Reject | Remark]:
    """What comes up to the second row or reject."""
    count = 0
    for item in items:
        yield item
        count += not isinstance(item, Remark)
        if count == 2:
            return


def _items(file: InputFile, opened: Opened, encoding: str) -> Iterator[Row | Reject | Remark]:
    """The rows of values that follow each other, and where they break off."""
    values = _Values(text_chunks(opened.stream, encoding))
    number = 0
    for value, written in values:
        number += 1
        if isinstance(value, _Broken):
            yield rejected(f"{file.source}:{number}", f"the element is not JSON: {_told(value.error)}", written[:200])
        elif "\\u" in written and _HALF.search(written):
            yield from _mended(file, number, value, written)
        else:
            yield json_row(file, number, value)
    if values.error is not None:
        broken = f"the JSON is broken from here on: {_told(values.error)}"
        yield rejected(f"{file.source}:{number + 1}", broken, values.rest)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, json.JSONDecodeError) else reason_of(error)


class _Broken(NamedTuple):
    """An element that cannot be read, though it is clear where it ends."""

    error: Exception


class _Values:
    """Values one after the other, between white space, commas and the brackets of an outer array.

    Decoding a value is tried again, each time with twice the text, as long as it may only be cut off.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._buffer, self._position = "", 0
        self._is_array: bool | None = None
        self._is_open = True
        self.error: Exception | None = None
        """Why no more values can be read; None at the end."""
        self.rest = ""
        """The beginning of what cannot be read."""

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        """The values, and how each is written."""
        while self._find_next():
            decoded = self._decode()
            if self.error is not None:
                self.rest = self._buffer[self._position : self._position + 200]
                return
            if decoded is not None:
                yield decoded

    def _find_next(self) -> bool:
        """Go to where the next value begins; whether there is one."""
        while True:
            skipped = " \t\n\r\x1e," + ("]" if self._is_array else "")
            while self._position < len(self._buffer) and self._buffer[self._position] in skipped:
                self._position += 1
            if self._position == len(self._buffer):
                if not self._is_open:
                    return False
                self._buffer, self._position = next(self._chunks, ""), 0
                self._is_open = bool(self._buffer)
            elif self._is_array is None:
                if (assigned := _ASSIGNED.match(self._buffer, self._position)) is not None:
                    self._position = assigned.end()
                self._is_array = self._buffer[self._position] == "["
                self._position += self._is_array
            else:
                return True

    def _decode(self) -> tuple[Any, str] | None:
        """The value here and how it is written; None if more of the text is needed."""
        start = self._position
        try:
            value, end = _raw_decode(self._buffer, start)
        except (ValueError, RecursionError) as error:
            is_long = len(self._buffer) - start > MAXIMUM_ROW
            if self._is_open and not is_long and not _is_certain(error, len(self._buffer)):
                self._grow()
                return None
            return self._passed_over(error)
        if end == len(self._buffer) and self._is_open and not isinstance(value, (dict, list, str)):
            self._grow()  # A number may go on in the next chunk.
            return None
        self._position = end
        return value, self._buffer[start:end]

    def _passed_over(self, error: Exception) -> tuple[Any, str] | None:
        """Go to the end of a broken element, by its brackets; where none is found, nothing more can be read."""
        start = self._position
        end = _closing(self._buffer, start)
        while end is None and self._is_open and len(self._buffer) - start < _LONGEST_BROKEN:
            self._grow()
            start = 0
            end = _closing(self._buffer, start)
        if end is None or not _NEXT.match(self._buffer, end):
            self.error = error
            return None
        self._position = end
        return _Broken(error), self._buffer[start:end]

    def _grow(self) -> None:
        rest = self._buffer[self._position :]
        pieces, wanted = [rest], len(rest)
        while wanted >= 0 and self._is_open:
            chunk = next(self._chunks, "")
            self._is_open = bool(chunk)
            pieces.append(chunk)
            wanted -= len(chunk)
        self._buffer, self._position = "".join(pieces), 0


def _closing(text: str, start: int) -> int | None:
    """Where the element that begins here ends, whatever is wrong inside it; None if that cannot be told."""
    if text[start] not in '{["':
        word = _WORD.match(text, start)
        return word.end() if word is not None and word.end() < len(text) else None
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


def _raw_decode(text: str, start: int) -> tuple[Any, int]:
    try:
        return _QUICK.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:  # A number of more digits than Python converts.
        return _PATIENT.raw_decode(text, start)


def _is_certain(error: Exception, length: int) -> bool:
    """Whether a value is broken, and not just cut off at the end of what has been read."""
    if not isinstance(error, json.JSONDecodeError):
        return True
    return not error.msg.startswith("Unterminated string") and error.pos < length - 16
