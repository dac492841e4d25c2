"""Formats that are not read, by their first bytes, and what makes them readable."""

from __future__ import annotations

import re
from typing import NamedTuple


class Foreign(NamedTuple):
    """A format that is not read."""

    kind: str
    """With its article."""
    advice: str = ""


_UNPACK = "unpack it into a folder, and name the folder"
_DECOMPRESS = "decompress it first"
_CONVERT = "save it as Parquet"
_ARCHIVES = {
    b"PK\x03\x04": Foreign("a ZIP archive or an office document", "unpack it, or save its text"),
    b"PK\x05\x06": Foreign("an empty ZIP archive"),
    b"PK\x07\x08": Foreign("a part of a ZIP archive", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": Foreign("a 7z archive", _UNPACK),
    b"Rar!\x1a\x07": Foreign("a RAR archive", _UNPACK),
    b"\x1f\x8b": Foreign("compressed twice", _DECOMPRESS),
    b"\x28\xb5\x2f\xfd": Foreign("compressed twice", _DECOMPRESS),
    b"\xfd7zXZ\0": Foreign("compressed twice", _DECOMPRESS),
    b"BZh91AY&SY": Foreign("compressed twice", _DECOMPRESS),
    b"\x1f\x9d": Foreign("compressed by compress (.Z)", _DECOMPRESS),
    b"\x04\x22\x4d\x18": Foreign("compressed by LZ4", _DECOMPRESS),
    b"LZIP": Foreign("compressed by lzip", _DECOMPRESS),
    b"\x5d\0\0": Foreign("compressed by LZMA", _DECOMPRESS),
    b"\xff\x06\0\0sNaPpY": Foreign("compressed by Snappy", _DECOMPRESS),
}
_TABLES = {
    b"ARROW1": Foreign("an Arrow file", _CONVERT),
    b"FEA1": Foreign("a Feather file", _CONVERT),
    b"\xff\xff\xff\xff": Foreign("an Arrow stream", _CONVERT),
    b"ORC": Foreign("an ORC file", _CONVERT),
    b"Obj\x01": Foreign("an Avro file", _CONVERT),
    b"PARE": Foreign("an encrypted Parquet file", "save it without encryption"),
    b"\x89HDF\r\n": Foreign("an HDF5 file", _CONVERT),
    b"\x93NUMPY": Foreign("an array of NumPy", _CONVERT),
    b"SQLite format 3": Foreign("an SQLite database", "export its table as CSV"),
    b"EOPZ": Foreign("an archive of ours", "unpack it with `eopiez unpack`"),
}
_DOCUMENTS = {
    b"%PDF": Foreign("a PDF", "convert it to text first, for example with pdftotext"),
    b"%!PS": Foreign("a PostScript document", "convert it to text first, for example with ps2ascii"),
    b"\xd0\xcf\x11\xe0": Foreign("an old office document", "save it as text or CSV"),
    rb"{\rtf": Foreign("an RTF document", "save it as text"),
    b"!BDN": Foreign("a mail folder of Outlook", "export it as mbox, for example with readpst"),
    b"\x89PNG": Foreign("an image"),
    b"\xff\xd8\xff": Foreign("an image"),
    b"GIF8": Foreign("an image"),
    b"II*\0": Foreign("an image"),
    b"MM\0*": Foreign("an image"),
    b"RIFF": Foreign("a picture, sound or film"),
    b"ID3": Foreign("a sound"),
    b"OggS": Foreign("a sound"),
    b"fLaC": Foreign("a sound"),
    b"\x7fELF": Foreign("a program"),
}
_BY_FIRST_BYTES = tuple((_ARCHIVES | _TABLES | _DOCUMENTS).items())
_WORDS = frozenset({b"ORC", b"ID3", b"RIFF", b"FEA1", b"PARE", b"OggS", b"fLaC", b"GIF8", b"LZIP", b"EOPZ", b"ARROW1"})
"""Beginnings that a text may have as well: then no control character follows soon."""
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x7f-\xff]")
_TAR = slice(257, 262)
_PDF_WITHIN = 1_024
"""Bytes before a PDF that its readers skip."""


def other_format(head: bytes) -> Foreign | None:
    """What a file is that is not read, given its first bytes; None if nothing tells."""
    for prefix, found in _BY_FIRST_BYTES:
        if head.startswith(prefix) and (prefix not in _WORDS or _CONTROL.search(head[len(prefix) : 64])):
            return found
    if head[_TAR] == b"ustar":
        return Foreign("a tar archive", _UNPACK)
    if re.match(rb"\s*%PDF-", head[:_PDF_WITHIN]):
        return _DOCUMENTS[b"%PDF"]
    return None
