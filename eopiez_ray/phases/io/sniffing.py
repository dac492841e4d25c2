"""What a file is: how it is compressed, and which format is inside."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import re
import stat
from collections.abc import Callable
from enum import StrEnum
from io import BufferedIOBase
from pathlib import PurePath
from typing import NamedTuple

import pyarrow as pa

from eopiez_ray.errors import UnreadableInputError
from eopiez_ray.phases.io.encodings import SAMPLE, detect_encoding
from eopiez_ray.phases.io.files import InputFile
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


class Opened(NamedTuple):
    """A file that is open at its beginning."""

    stream: BufferedIOBase
    """Decompressed."""
    raw: io.BufferedReader
    """The file itself; its position tells how much has been read."""
    format: Format
    compression: str | None
    head: bytes
    """The first bytes of the content, ``SAMPLE`` at most; the whole content if there are fewer."""


_EXTENSIONS = {
    ".txt": Format.TEXT, ".text": Format.TEXT, ".md": Format.MARKDOWN, ".markdown": Format.MARKDOWN,
    ".html": Format.HTML, ".htm": Format.HTML, ".xhtml": Format.HTML, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL,
    ".json": Format.JSON, ".csv": Format.CSV, ".tsv": Format.TSV, ".tab": Format.TSV, ".parquet": Format.PARQUET,
    ".mbox": Format.MBOX, ".mbx": Format.MBOX, ".eml": Format.MAIL,
}  # fmt: skip
_COMPRESSED_SUFFIXES = {".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz"}
_COMPRESSIONS: dict[str, tuple[bytes, Callable[[io.BufferedReader], BufferedIOBase]]] = {
    "gzip": (b"\x1f\x8b", lambda raw: gzip.GzipFile(fileobj=raw)),
    "zstd": (b"\x28\xb5\x2f\xfd", lambda raw: io.BufferedReader(pa.CompressedInputStream(raw, "zstd"), 1 << 16)),
    "bzip2": (b"BZh", lambda raw: bz2.BZ2File(raw)),
    "xz": (b"\xfd7zXZ\0", lambda raw: lzma.LZMAFile(raw)),  # noqa: SIM115
}
_BINARY = (
    (b"%PDF", "a PDF", "convert it to text first, for example with pdftotext"),
    (b"PK\x03\x04", "a ZIP archive or an office document", "unpack it, or save its text"),
    (b"\xd0\xcf\x11\xe0", "an old office document", "save it as text or CSV"),
    (b"\x89PNG", "an image", ""),
    (b"\xff\xd8\xff", "an image", ""),
    (b"GIF8", "an image", ""),
    (b"\x7fELF", "a program", ""),
    (b"SQLite format 3", "an SQLite database", "export its table as CSV"),
    (b"EOPZ", "an archive of ours", "unpack it with `eopiez unpack`"),
    (b"ARROW1", "an Arrow file", "save it as Parquet"),
)
_HEADER = re.compile(rb"(?:From|To|Subject|Date|Received|Return-Path|Message-ID|Delivered-To|MIME-Version):[ \t]", re.I)
_TRANSPORT = re.compile(rb"^(?:Received|Return-Path|Delivered-To|Message-ID):[ \t]", re.I | re.M)
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")


def open_stream(file: InputFile) -> tuple[BufferedIOBase, io.BufferedReader, str | None]:
    """A file's content, the file itself, and how it is compressed.

    Raises:
        UnreadableInputError: it is a pipe or a device.
        OSError: it cannot be opened.
    """
    raw = open(file.path, "rb", opener=_open_now)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        raw.close()
        raise UnreadableInputError(file.source, "it is not a regular file", "pipe it into standard input (`-`)")
    magic = raw.read(6)
    raw.seek(0)
    for compression, (prefix, wrap) in _COMPRESSIONS.items():
        if magic.startswith(prefix):
            return wrap(raw), raw, compression
    return raw, raw, None


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
        head = stream.read(SAMPLE)
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


def _recognized(file: InputFile, head: bytes, options: ReadOptions) -> Format:
    """The format by the file's name, and where that says nothing, by its first bytes."""
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    for prefix, kind, advice in _BINARY:
        if head.startswith(prefix):
            raise UnreadableInputError(file.source, f"it is {kind}", advice)
    if options.encoding is None and _is_binary(head):
        raise UnreadableInputError(
            file.source, "it is a binary file", "name its encoding with --encoding if it is text"
        )
    name = PurePath(file.source)
    suffix = (name.with_suffix("") if name.suffix.lower() in _COMPRESSED_SUFFIXES else name).suffix.lower()
    by_name = _EXTENSIONS.get(suffix)
    if by_name is Format.TEXT:
        return _transported_mail(head) or by_name
    return by_name or _by_content(head, options)


def _is_binary(head: bytes) -> bool:
    encoding = detect_encoding(head) if b"\0" in head else None
    if encoding is not None and encoding.startswith(("utf-16", "utf-32")):
        return False
    controls = len(head) - len(head.translate(None, _CONTROL))
    return b"\0" in head[:8192] or controls > len(head) * 0.02


def _by_content(head: bytes, options: ReadOptions) -> Format:
    text = head.decode(options.encoding or detect_encoding(head), "replace").removeprefix("\ufeff")
    start = text.lstrip()
    if start[:15].lower().startswith(("<!doctype html", "<html")):
        return Format.HTML
    if start.startswith("["):
        return Format.JSON if start[1:].lstrip()[:1] in {"{", '"', "]"} else Format.TEXT
    if start.startswith("{"):
        return Format.JSONL if _is_json(start.split("\n", 1)[0]) else Format.JSON
    if (mail := _mail_format(head)) is not None:
        return mail
    return _delimited_format(text, options) or Format.TEXT


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


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
    header = text.split("\n", 1)[0].rstrip("\r")
    delimiter = find_delimiter(text)
    if delimiter is None:
        return None
    names = next(csv.reader([header], delimiter=delimiter), [])
    if not any(is_known_name(name, options) for name in names):
        return None
    return Format.TSV if delimiter == "\t" else Format.CSV


def find_delimiter(text: str) -> str | None:
    """What separates the columns of a table: it splits the header, and most of the next rows as often."""
    best, best_score = None, 0.0
    for delimiter in ",;\t|":
        try:
            rows = [row for row in csv.reader(text.splitlines()[:50], delimiter=delimiter) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 1
        agreeing = sum(len(row) == width for row in rows) / max(1, len(rows))
        if width > 1 and agreeing * width**0.25 > best_score:
            best, best_score = delimiter, agreeing * width**0.25
    return best
