"""Which encoding a file is in, and its text.

UTF-8 declares itself: hardly any other text is valid UTF-8. For the rest, statistics over all encodings there are
mistake short Western texts for Japanese ones, so the choice is narrowed first by how much of the file is not ASCII.
"""

from __future__ import annotations

import codecs
import contextlib
import io
from collections.abc import Iterator
from io import BufferedIOBase

import charset_normalizer

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.io.compressed import BROKEN_STREAM

CHUNK = 1 << 20
SAMPLE = 64 << 10
"""Bytes with something to tell (not ASCII) that are looked at."""
SEARCH_LIMIT = 256 << 20
"""Bytes that are searched for the first one that is not ASCII."""
MAXIMUM_ROW = 256 << 20
"""Characters of one line or row; beyond, the file is not made of rows."""

_ASCII = bytes(range(0x80))
_WESTERN = frozenset(
    "àâäáãåæçèéêëìíîïñòóôöõøœùúûüýÿßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØŒÙÚÛÜÝ£€§©®°º·«»¿¡´¨–—‘’‚“”„…•™\u00a0\u00ad½¼¾²³±×"
)
_LATIN = ["cp1252", "cp1250", "cp1254", "cp1257"]
_OTHERS = ["cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "tis_620", "cp932", "euc_jp", "gb18030", "big5", "cp949"]
_OF_OTHER_THINGS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
"""Encodings of Python's that are for names and source code."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


C1 = "eopiez-c1"
"""Name of the error handler that reads the five bytes that cp1252 lacks as control characters, as browsers do."""


class RowTooLongError(ValueError):
    """A line is longer than any row can be."""


def _as_control(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(C1, _as_control)


def checked_encoding(name: str) -> str:
    """The encoding's name in Python.

    Raises:
        ParameterError: Python knows no text encoding of this name.
    """
    found = text_encoding(name)
    if found is None:
        raise ParameterError(f"--encoding {name!a} is not an encoding; try utf-8, latin-1 or cp1252")
    return found


def text_encoding(name: str) -> str | None:
    """Python's name of the encoding that is called so; None if there is none that texts are written in."""
    try:
        "a".encode(name)
        found = codecs.lookup(name).name.replace("-", "_")
    except (LookupError, ValueError):
        return None
    return None if found in _OF_OTHER_THINGS else codecs.lookup(name).name


def decoded(data: bytes, named: str | None) -> str:
    """A text of which it is told, not always rightly, how it is encoded; what is invalid even so becomes U+FFFD."""
    encoding = text_encoding(named) if named else "utf-8"
    if encoding is not None:
        with contextlib.suppress(ValueError):
            return data.decode("utf-8" if is_rather_utf8(data, encoding) else encoding)
    detected = detect_encoding(data[:SAMPLE])
    return data.decode(detected, C1 if detected == "cp1252" else "replace")


def is_rather_utf8(data: bytes, named: str) -> bool:
    """Whether a text is in UTF-8, although another encoding is named: one of a byte a character, in which anything is
    valid."""
    if data.isascii() or named.startswith("utf"):
        return False
    try:
        data.decode("utf-8")
        return len(data.decode(named)) == len(data)
    except ValueError:
        return False


def detect_encoding(sample: bytes) -> str:
    """The encoding of a text, given its beginning or any part of it that is not ASCII."""
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if sample.isascii() and b"\0" not in sample:
        return "utf-8"
    if b"\0" in sample and (wide := _without_bom(sample)) is not None:
        return wide
    if _is_mostly_utf8(sample):
        return "utf-8"
    high = len(sample.translate(None, _ASCII))
    if high < len(sample) / 4:
        telling = [character for character in sample.decode("cp1252", C1) if character > "\x7f"]
        if sum(character in _WESTERN for character in telling) >= 0.95 * len(telling):
            return "cp1252"
        return _most_likely(sample, _LATIN) or "cp1252"
    return _most_likely(sample, _OTHERS) or _most_likely(sample, _LATIN) or "cp1252"


def _without_bom(sample: bytes) -> str | None:
    """UTF-16 that nothing announces: nearly all of its even or of its odd bytes are zero in Western text."""
    half = max(1, len(sample) // 2)
    if sample[1::2].count(0) > 0.7 * half and sample[::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if sample[::2].count(0) > 0.7 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return None


def _is_mostly_utf8(sample: bytes) -> bool:
    """Whether broken sequences are rare exceptions among valid ones: then it is UTF-8 with damage.

    A sequence that the end of the sample cuts off says nothing. U+FFFD that the text itself has is valid.
    """
    decoded = codecs.getincrementaldecoder("utf-8")("replace").decode(sample)
    broken = decoded.count("�") - sample.count("�".encode())
    valid = sum(character > "\x7f" for character in decoded) - broken
    return valid > 0 and valid >= 2 * broken


def _most_likely(sample: bytes, candidates: list[str]) -> str | None:
    best = charset_normalizer.from_bytes(sample, cp_isolation=candidates, enable_fallback=False).best()
    return best.encoding if best is not None else None


def telling_sample(stream: BufferedIOBase) -> bytes:
    """The part of a stream that tells its encoding: the first that is not all ASCII; empty if there is none."""
    searched = 0
    previous = b""
    while searched <= SEARCH_LIMIT and (chunk := _read_some(stream)):
        if searched == 0 and any(chunk.startswith(bom) for bom, _ in _BOMS):
            return chunk
        if not chunk.isascii() or b"\0" in chunk:
            return chunk if searched == 0 else previous[-256:] + chunk + _read_some(stream)
        searched += len(chunk)
        previous = chunk
    return b""


def _read_some(stream: BufferedIOBase) -> bytes:
    """The next bytes; none where the file is broken, for the error belongs to whoever reads its rows."""
    try:
        return stream.read(SAMPLE)
    except BROKEN_STREAM:
        return b""


def decode_whole(data: bytes, encoding: str | None) -> str:
    """A whole file's text, with ``\\n`` at line ends.

    Raises:
        UnicodeDecodeError: bytes that the encoding does not have.
    """
    encoding = encoding or detect_encoding(_whole_sample(data))
    text = data.decode(encoding, C1 if encoding == "cp1252" else "strict")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _whole_sample(data: bytes) -> bytes:
    if len(data) <= SAMPLE:
        return data
    return telling_sample(io.BytesIO(data))


def text_chunks(stream: BufferedIOBase, encoding: str) -> Iterator[str]:
    """The stream's text, about ``CHUNK`` bytes at a time, with ``\\n`` at line ends.

    Invalid bytes become lone surrogates, so that only the rows that hold them are rejected.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(_errors(encoding)), translate=True)
    is_first = True
    while chunk := stream.read1(CHUNK):  # What a broken file still gives comes before its error.
        text = decoder.decode(chunk)
        yield text.removeprefix("\ufeff") if is_first else text
        is_first &= not text
    yield decoder.decode(b"", final=True)


def _errors(encoding: str) -> str:
    if encoding == "cp1252":
        return C1
    return "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"


def text_lines(stream: BufferedIOBase, encoding: str) -> Iterator[str]:
    """The stream's lines without their ends.

    Raises:
        RowTooLongError: a line is longer than ``MAXIMUM_ROW``.
    """
    pieces: list[str] = []
    size = 0
    for text in text_chunks(stream, encoding):
        lines = text.split("\n")
        size += len(lines[0])
        if size > MAXIMUM_ROW:
            raise RowTooLongError
        if len(lines) > 1:
            lines[0] = "".join([*pieces, lines[0]])
            pieces = []
            size = len(lines[-1])
            yield from lines[:-1]
        pieces.append(lines[-1])
    if rest := "".join(pieces):
        yield rest
