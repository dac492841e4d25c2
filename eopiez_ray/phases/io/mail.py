"""Mail: single messages and mailboxes. The subject is the title, the Date header the time."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from io import BufferedIOBase

from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import decoded
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.prose import MAXIMUM_DOCUMENT, html_text, read_whole
from eopiez_ray.phases.io.records import (
    Piece,
    Record,
    Remark,
    converted,
    parse_time,
    plain_value,
    rejected,
    whole_characters,
)
from eopiez_ray.phases.io.sniffing import Format, Opened

_COMMENT = re.compile(r"\s*\([^)]*\)\s*$")
_MARKUP = re.compile(
    r"\s*<(?:!--|(?:!doctype html|x-html|html|head|meta|title|body|center|table|div|font|p|img)\b)", re.IGNORECASE
)
_SEPARATOR = re.compile(
    rb"""(?xi) \s (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? \s+
    (?: (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \s+ \d{1,2}
      | \d{1,2} \s+ (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* ) ,? \s+
    (?: \d{4} \s+ \d{1,2}:\d\d (?: :\d\d )? | \d{1,2}:\d\d (?: :\d\d )? \s+ (?: \S+ \s+ )? \d{4} ) \b
    | \s \d{4}-\d\d-\d\d [T\s] \d\d:\d\d""",
)
"""The date of a separator in its common forms; a sender stands before it."""
_QUOTED_SEPARATOR = re.compile(rb">+From ")
_BLANK = (b"\n", b"\r\n")
_LONGEST_SEPARATOR = 1_000
_LONGEST_HEADER = 10_000
"""Characters of a header that are looked at."""
_LONGEST_DATE = 300
_BROKEN_HEADER = (ValueError, LookupError, TypeError, AttributeError)
"""What the library raises for parameters of a header that it cannot understand."""


def read_mail(file: InputFile, opened: Opened) -> Iterator[Record | Reject | Remark]:
    """The messages of a mailbox, or the one of a file."""
    pieces: Iterator[Piece[bytes]]
    if opened.format is Format.MAIL:
        pieces = iter([Piece(0, read_whole(file, opened))])
    else:
        pieces = (Piece(number, data) for number, data in enumerate(_messages(opened.stream), 1))
    yield from converted(file.source, pieces, lambda source, data: _record(file, source, data))


def _messages(stream: BufferedIOBase) -> Iterator[bytes]:
    """The messages of a mailbox: each starts at a separator after an empty line (RFC 4155, appendix A)."""
    lines: list[bytes] = []
    size = 0
    is_begun = False
    for line in stream:
        if line.startswith(b"From ") and (not lines or lines[-1] in _BLANK):
            is_empty = not any(each.strip() for each in lines)
            if _is_separator(line) or (is_empty and not is_begun):  # The first one of the file needs no date.
                if not is_empty:
                    yield b"".join(lines)
                lines, size, is_begun = [], 0, True
                continue
        if line.startswith(b">") and _QUOTED_SEPARATOR.match(line):
            line = line[1:]
        size += len(line)
        if size <= MAXIMUM_DOCUMENT:
            lines.append(line)
    if any(line.strip() for line in lines):
        yield b"".join(lines)


def _is_separator(line: bytes) -> bool:
    """Whether a line that begins with ``From `` goes on with a sender and a date."""
    return len(line) < _LONGEST_SEPARATOR and _SEPARATOR.search(line) is not None


def _record(file: InputFile, source: str, data: bytes) -> Record | Reject:
    message = email.message_from_bytes(data)
    headers = _headers(message)
    if not headers:
        return rejected(source, "it is not a mail message: it has no headers", data[:200])
    text = _body(message)
    if text is None:
        return rejected(source, f"the message has no text, only {_kind(message)}", data[:200])
    identity = plain_value(_shown_header(headers.get("message-id", "")))
    return Record(
        text,
        source,
        identity.strip("<>") if identity else None,
        plain_value(_shown_header(headers.get("subject", ""))),
        parse_time(_COMMENT.sub("", headers.get("date", "")[:_LONGEST_DATE])),
        file.label,
    )


def _headers(message: Message) -> dict[str, str]:
    """The first header of each name, as it stands."""
    found: dict[str, str] = {}
    for name, value in message.raw_items():
        found.setdefault(name.lower(), str(value)[:_LONGEST_HEADER])
    return found


def _shown_header(value: str) -> str:
    """A header as text; an encoded word that breaks the rules is shown as it stands."""
    text = value if value.isascii() else decoded(value.encode("utf-8", "surrogateescape"), None)
    if "=?" in text:
        try:
            text = "".join(_header_part(part, charset) for part, charset in decode_header(text))
        except (HeaderParseError, ValueError):
            return " ".join(text.split())
    return " ".join(text.split())


def _header_part(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    return decoded(part, charset) if charset or part.isascii() else part.decode("raw_unicode_escape", "replace")


def _body(message: Message) -> str | None:
    """The text of a message: of its parts one after the other, of alternatives the plain one; None if it has none.

    Attachments are no text of the message, and a message inside it is one only where it has no other.
    """
    texts = _texts(message)
    if not texts and message.is_multipart():
        inner = (_body(part) for part in _enclosed(message))
        texts = [text for text in inner if text is not None]
    if len(texts) < 2:
        return texts[0] if texts else None
    return "\n".join(text.rstrip("\n") for text in texts if text.strip())


def _texts(part: Message) -> list[str]:
    kind = _kind(part)
    if kind.startswith("message/") or _is_attached(part):
        return []
    if part.is_multipart():
        found = [texts for inner in _parts(part) if (texts := _texts(inner))]
        if kind == "multipart/alternative":
            return _best_alternative(part, found)
        return [text for texts in found for text in texts]
    if kind == "text/plain" or kind.startswith("multipart/"):
        text = _part_text(part)
        return [html_text(text) if _MARKUP.match(text) else text]
    return [html_text(_part_text(part))] if kind == "text/html" else []


def _best_alternative(part: Message, found: list[list[str]]) -> list[str]:
    """Of the alternatives that say something the plain one, else the first."""
    plain = [texts for inner in _parts(part) if _kind(inner) == "text/plain" and (texts := _texts(inner))]
    telling = (texts for texts in [*plain, *found] if any(text.strip() for text in texts))
    return next(telling, found[0] if found else [])


def _enclosed(message: Message) -> Iterator[Message]:
    """The messages inside a message, outermost ones only."""
    for part in _parts(message):
        if part.is_multipart() and _kind(part) == "message/rfc822":
            yield from _parts(part)
        elif part.is_multipart():
            yield from _enclosed(part)


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [inner for inner in payload if isinstance(inner, Message)] if isinstance(payload, list) else []


def _kind(part: Message) -> str:
    try:
        return part.get_content_type()
    except _BROKEN_HEADER:
        return "text/plain"


def _is_attached(part: Message) -> bool:
    try:
        return part.get_content_disposition() == "attachment"
    except _BROKEN_HEADER:
        return False


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except _BROKEN_HEADER:
        return "unknown"


def _part_text(part: Message) -> str:
    """A part's text. Mail often names the wrong encoding: then it is detected, and what is still invalid is marked."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        payload = str(part.get_payload()).encode("utf-8", "surrogateescape")
    return whole_characters(decoded(payload, _charset(part))).replace("\r\n", "\n")
