"""Mail: single messages and mailboxes. The subject is the title, the Date header the time."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from io import BufferedIOBase

from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io.encodings import detect_encoding
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.prose import MAXIMUM_DOCUMENT, html_text, read_whole
from eopiez_ray.phases.io.records import Record, parse_time, plain_value, rejected
from eopiez_ray.phases.io.sniffing import Format, Opened

_COMMENT = re.compile(r"\s*\([^)]*\)\s*$")
_MARKUP = re.compile(
    r"\s*<(?:!--|(?:!doctype html|x-html|html|head|meta|title|body|center|table|div|font|p|img)\b)", re.IGNORECASE
)


def read_mail(file: InputFile, opened: Opened) -> Iterator[Record | Reject]:
    """The messages of a mailbox, or the one of a file."""
    if opened.format is Format.MAIL:
        yield _record(file, file.source, read_whole(file, opened))
        return
    for number, data in enumerate(_messages(opened.stream), 1):
        yield _record(file, f"{file.source}:{number}", data)


def _messages(stream: BufferedIOBase) -> Iterator[bytes]:
    """The messages of a mailbox: each starts at a ``From `` line after an empty one (RFC 4155, appendix A)."""
    lines: list[bytes] = []
    size = 0
    for line in stream:
        if line.startswith(b"From ") and (not lines or lines[-1] in {b"\n", b"\r\n"}):
            if lines:
                yield b"".join(lines)
            lines, size = [], 0
            continue
        size += len(line)
        if size <= MAXIMUM_DOCUMENT:
            lines.append(line)
    if lines:
        yield b"".join(lines)


def _record(file: InputFile, source: str, data: bytes) -> Record | Reject:
    message = email.message_from_bytes(data)
    if not message.keys():
        return rejected(source, "it is not a mail message: it has no headers", data[:200])
    text = _body(message)
    if text is None:
        return rejected(source, f"the message has no text, only {message.get_content_type()}", data[:200])
    date = _COMMENT.sub("", str(message.get("Date", "")))
    identity = plain_value(_header(message, "Message-ID"))
    return Record(
        text,
        source,
        identity.strip("<>") if identity else None,
        plain_value(_header(message, "Subject")),
        parse_time(date),
        file.label,
    )


def _header(message: Message, name: str) -> str | None:
    """A header as text; one that breaks the rules is shown as it stands."""
    value = message.get(name)
    if value is None:
        return None
    try:
        text = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        text = str(value)
    return " ".join(text.split())


def _body(message: Message) -> str | None:
    """The plain text of a message, else the text of its HTML; None if it has neither.

    What calls itself plain and begins like a page is HTML.
    """
    found: dict[str, str] = {}
    for part in message.walk():
        kind = part.get_content_type()
        if kind in {"text/plain", "text/html"} and part.get_content_disposition() != "attachment" and kind not in found:
            found[kind] = _part_text(part)
    plain = found.get("text/plain", "")
    if _MARKUP.match(plain):
        return html_text(plain)
    if plain.strip() or "text/html" not in found:
        return found.get("text/plain")
    return html_text(found["text/html"])


def _part_text(part: Message) -> str:
    """A part's text. Mail often names the wrong encoding: then it is detected, and what is still invalid is marked."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    named = part.get_content_charset("utf-8")
    try:
        text = payload.decode(named)
    except (LookupError, UnicodeDecodeError):
        text = payload.decode(detect_encoding(payload), "replace")
    return text.replace("\r\n", "\n")
