"""What a file is: how it is compressed, and which format is inside."""

from __future__ import annotations

import io
import json
import math
import os
import re
import stat
from enum import StrEnum
from io import BufferedIOBase
from pathlib import Path
from typing import Any, NamedTuple

from eopiez_ray.encryption.files import MAGIC_BYTES, is_sealed_file
from eopiez_ray.encryption.streams import buffered
from eopiez_ray.errors import EncryptionError, UnreadableInputError
from eopiez_ray.phases.io.compressed import BROKEN_STREAM, COMPRESSIONS, Members
from eopiez_ray.phases.io.dialects import find_dialect
from eopiez_ray.phases.io.encodings import SAMPLE, detect_encoding
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.foreign import other_format
from eopiez_ray.phases.io.options import ReadOptions, is_known_name


class Format(StrEnum):
    """The formats that can be read."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"
    MBOX = "mbox"
    MAIL = "mail"
    XML = "xml"


class Opened(NamedTuple):
    """A file that is open at its beginning."""

    stream: BufferedIOBase
    """Decompressed."""
    raw: io.BufferedReader
    """The file itself; its position tells how much has been read."""
    format: Format
    compression: str | None
    head: bytes
    """The first bytes of the content, ``SAMPLE`` at most; the whole content if there are fewer and all is well."""

    @property
    def garbage(self) -> int:
        """Bytes found so far behind the compressed data that are none."""
        raw = getattr(self.stream, "raw", None)
        return raw.garbage if isinstance(raw, Members) else 0


_EXTENSIONS = {
    ".txt": Format.TEXT, ".text": Format.TEXT, ".md": Format.MARKDOWN, ".markdown": Format.MARKDOWN,
    ".html": Format.HTML, ".htm": Format.HTML, ".xhtml": Format.HTML, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL,
    ".json": Format.JSON, ".csv": Format.CSV, ".tsv": Format.TSV, ".tab": Format.TSV, ".parquet": Format.PARQUET,
    ".mbox": Format.MBOX, ".mbx": Format.MBOX, ".eml": Format.MAIL, ".xml": Format.XML,
}  # fmt: skip
_COMPRESSED_SUFFIXES = {".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz"}
_HEADER = re.compile(rb"(?:From|To|Subject|Date|Received|Return-Path|Message-ID|Delivered-To|MIME-Version):[ \t]", re.I)
_TRANSPORT = re.compile(rb"^(?:Received|Return-Path|Delivered-To|Message-ID):[ \t]", re.I | re.M)
_SCRIPT = re.compile(r"window\.[\w.$]+\s*=\s*[\[{]")
"""The beginning of JSON that is a script."""
_CUT = 16
"""Characters before the end of a sample in which an error says that a value is cut off."""
_STRAY_CONTROLS = 16
"""Control characters that damage a text and do not make it a binary file."""
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")


def open_stream(file: InputFile) -> tuple[BufferedIOBase, io.BufferedReader, str | None]:
    """A file's content, the file itself, and how it is compressed.

    Raises:
        UnreadableInputError: it is a pipe, a socket or a device.
        OSError: it cannot be opened.
    """
    _check_regular(file, os.stat(file.path))  # noqa: PTH116  # Opening a device can do something.
    raw: io.BufferedReader = io.BufferedReader(_AsItWas(file.path), 1 << 17)
    try:
        _check_regular(file, os.fstat(raw.fileno()))
        raw = _opened(raw, file)
        magic = raw.read(6)
        raw.seek(0)
    except BaseException:
        raw.close()
        raise
    for compression, (prefix, _) in COMPRESSIONS.items():
        if magic.startswith(prefix):
            return io.BufferedReader(Members(raw, compression), 1 << 16), raw, compression
    return raw, raw, None


class _AsItWas(io.FileIO):
    """A file as long as it was when it was opened: one that is written all the time has an end, too."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "rb", opener=_open_now)
        self._size = os.fstat(self.fileno()).st_size or math.inf  # Those that the kernel makes say that they are empty.

    def readinto(self, buffer: Any, /) -> int | None:
        room = memoryview(buffer).cast("B")
        return super().readinto(room[: self._left(len(room))])

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(self._left(1 << 20)) or b"", b""))

    def _left(self, wanted: int) -> int:
        return int(min(wanted, max(0, self._size - self.tell())))


def _opened(raw: io.BufferedReader, file: InputFile) -> io.BufferedReader:
    """The content of a file that is encrypted, or the file itself."""
    if not is_sealed_file(raw.peek(MAGIC_BYTES)):
        return raw
    try:
        return buffered(raw, Path(file.path))
    except EncryptionError as error:
        raise UnreadableInputError(file.source, str(error)) from error


def _check_regular(file: InputFile, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise UnreadableInputError(file.source, "it is not a regular file", "pipe it into standard input (`-`)")


def _open_now(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # A named pipe would wait for its writer.


def open_file(file: InputFile, options: ReadOptions) -> Opened:
    """The file, decompressed and recognized by what is in it. Close both of its streams.

    Raises:
        UnreadableInputError: it is binary, or not a regular file.
        OSError: it cannot be opened.
    """
    stream, raw, compression = open_stream(file)
    try:
        head = _head(stream)
        found = _recognized(file, head, options)
        raw.seek(0)
    except BaseException:
        stream.close()
        raw.close()
        raise
    if compression is not None:
        raw.close()
        stream, raw, _ = open_stream(file)
    return Opened(stream, raw, found, compression, head)


def _head(stream: BufferedIOBase) -> bytes:
    """The first bytes; where the file is broken, those before, for the error belongs to whoever reads its rows."""
    head = b""
    try:
        while len(head) < SAMPLE and (chunk := stream.read1(SAMPLE - len(head))):
            head += chunk
    except BROKEN_STREAM:
        if not head:
            raise
    return head


def _recognized(file: InputFile, head: bytes, options: ReadOptions) -> Format:
    """The format by the file's name, and where that says nothing, by its first bytes."""
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    if (other := other_format(head)) is not None:
        raise UnreadableInputError(file.source, f"it is {other.kind}", other.advice)
    if options.encoding is None and is_binary(head) and _mail_format(head) is None:  # One mail of it may be odd.
        raise UnreadableInputError(
            file.source, "it is a binary file", "name its encoding with --encoding if it is text"
        )
    stem, suffix = os.path.splitext(file.path.lower())  # noqa: PTH122
    if suffix in _COMPRESSED_SUFFIXES:
        suffix = os.path.splitext(stem)[1]  # noqa: PTH122
    by_name = _EXTENSIONS.get(suffix)
    if by_name is Format.TEXT:
        return _transported_mail(head) or by_name
    if by_name is Format.JSONL:
        return by_name if _has_lines(_beginning(head, options)) else Format.JSON
    return by_name or _by_content(head, options)


def is_binary(head: bytes) -> bool:
    """Whether these bytes are no text; a few control characters among much else are damage."""
    encoding = detect_encoding(head) if b"\0" in head else None
    if encoding is not None and encoding.startswith(("utf-16", "utf-32")):
        return False
    controls = len(head) - len(head.translate(None, _CONTROL))
    return controls > max(_STRAY_CONTROLS, len(head) * 0.02) or 2 * controls > len(head)


def _by_content(head: bytes, options: ReadOptions) -> Format:
    text = _beginning(head, options)
    start = text.lstrip()
    if start[:15].lower().startswith(("<!doctype html", "<html")):
        return Format.HTML
    if start.startswith("<?xml"):
        return Format.XML
    if _SCRIPT.match(start):
        return Format.JSON
    if start.startswith("["):
        return Format.JSON if start[1:].lstrip()[:1] in {"{", '"', "]"} else Format.TEXT
    if start.startswith("{"):
        return Format.JSONL if _has_lines(text) else Format.JSON
    if (mail := _mail_format(head)) is not None:
        return mail
    return _delimited_format(text, options) or Format.TEXT


def _beginning(head: bytes, options: ReadOptions) -> str:
    """The first bytes as text."""
    text = head.decode(options.encoding or detect_encoding(head), "replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _has_lines(text: str) -> bool:
    """Whether JSON has a value a line: it is no array, no script, not one value alone, and none over several lines.

    A first line that is broken is one all the same.
    """
    start = text.strip()
    if start.startswith("[") or "\x1e" in start or _SCRIPT.match(start):
        return False
    try:
        _, end = json.JSONDecoder().raw_decode(start)
    except json.JSONDecodeError as error:
        return "\n" not in start or error.pos < len(start) - _CUT
    except (ValueError, RecursionError):
        return True
    first, _, below = start.partition("\n")
    return bool(below) and end <= len(first) and first[end:].lstrip()[:1] not in {",", "{"}


def _mail_format(head: bytes) -> Format | None:
    block = head.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].split(b"\n")
    headers = sum(_HEADER.match(line) is not None for line in block)
    if block[0].startswith(b"From ") and headers >= 1:
        return Format.MBOX
    return Format.MAIL if headers >= 2 and re.match(rb"[!-9;-~]+:", block[0]) else None


def _transported_mail(head: bytes) -> Format | None:
    """What a text is that begins with headers which only mail servers write."""
    found = _mail_format(head)
    return found if found is not None and _TRANSPORT.search(head.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]) else None


def _delimited_format(text: str, options: ReadOptions) -> Format | None:
    found = find_dialect(text, options)
    if not found.is_table or not any(is_known_name(name, options) for name in found.header):
        return None
    return Format.TSV if found.delimiter == "\t" else Format.CSV
