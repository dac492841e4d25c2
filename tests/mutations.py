"""Files of each format, and damage done to them at random."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

_TOKENS = (
    *(
        b'"',
        b"'",
        b"\\",
        b"\n",
        b"\r",
        b"\r\n",
        b"\t",
        b",",
        b";",
        b"|",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"=",
        b"<",
        b">",
    ),
    *(b"\0", b"\xff", b"\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xed\xa0\x80", b"\x1b[31m", b"\x1a"),
    *(b"\nFrom ", b"\nFrom a@b Sat Apr  5 10:00:00 2031\n", b"\n\n", b"--b\n", b"--b--\n", b"=?utf-8?b?", b"?="),
    *(b"charset=undefined", b"charset=idna", b"charset*=u''%00", b"multipart/mixed", b"message/rfc822", b"base64"),
    *(b"\\ud83d", b"\\u0000", b"1e999", b"-" + b"9" * 5_000, b"NaN", b"null", b"[" * 3_000, b'{"text":' * 500),
    *(b"sep=;\n", b"#", b"text", b"id", b"9999-12-31T23:59:59-12:00", b"0001-01-01T00:00:00+14:00", b"<div>" * 300),
    *(b"PAR1", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh9", b"%PDF", b"&#xd800;", b"<meta charset=idna>"),
    *(b"x" * 9_000, b"=?x?q?", b"text/html", b"\x85", b"true", b"1E5", b"date"),
)


def _table() -> bytes:
    file = io.BytesIO()
    texts = ["A letter about the harbour.", None, "Où est la mer ?"] * 5
    columns = {
        "id": range(15),
        "text": texts,
        "raw": [text and text.encode() for text in texts],
        "date": pa.array([datetime(2031, 4, 5, tzinfo=UTC)] * 15, pa.timestamp("us", "America/New_York")),
        "label": pa.array(["a", "b", "a"] * 5).dictionary_encode(),
        "post": [{"text": text, "n": 1} for text in texts],
        "tags": [["x", "y"]] * 15,
    }
    pq.write_table(pa.table(columns), file, compression="none", row_group_size=6)
    return file.getvalue()


_ROWS = [(n, f"A letter about the harbour, day {n}: où est la mer ?", "2031-04-05", "a") for n in range(12)]
_JSONL = "".join(f'{{"id": {n}, "text": "{text}", "date": "{day}"}}\n' for n, text, day, _ in _ROWS).encode()
_MAIL = (
    b"From: a@example.org\nTo: b@example.org\nSubject: =?utf-8?q?caf=C3=A9?= by the sea\n"
    b"Date: Sat, 05 Apr 2031 10:00:00 +0200 (CEST)\nMessage-ID: <1@x>\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n'
    b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nT8O5IGVzdCBsYSBtZXIgPw==\n--b\n"
    b"Content-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain; charset=latin-1\n"
    b"Content-Transfer-Encoding: quoted-printable\n\nd=E9j=E0 vu\n--c\nContent-Type: text/html\n\n<p>vu</p>\n--c--\n"
    b"--b\nContent-Type: message/rfc822\n\nSubject: inner\n\nInner.\n--b--\n"
)
_PAGE = (
    '<!DOCTYPE html><html><head><meta charset="utf-8"><title>The sea</title><meta name="date" content="2031-04-05">'
    "</head><body><h1>The sea</h1><p>Où <b>est</b> la mer ?<br>Here.</p><table><tr><td>1<td>2</table>"
    "<script>x()</script></body>"
).encode()

SEEDS: dict[str, bytes] = {
    "t.jsonl": _JSONL,
    "t.json": b"[" + _JSONL.strip().replace(b"\n", b",\n") + b"]",
    "t.csv": "".join(
        f'{n},"{text}",{day},{label}\n' for n, text, day, label in [("id", "text", "date", "label"), *_ROWS]
    ).encode(),
    "t.tsv": "".join(f"{n}\t{text}\t{day}\n" for n, text, day, _ in [("id", "text", "date", ""), *_ROWS]).encode(),
    "t.mbox": (b"From a@example.org Sat Apr  5 10:00:00 2031\n" + _MAIL + b"\n") * 3,
    "t.eml": _MAIL,
    "t.html": _PAGE,
    "t.md": "# The sea\n\nOù *est* la mer ?\n".encode() * 5,
    "t.txt": "The sea\n\nOù est la mer ?\n".encode("utf-16"),
    "unnamed": "id;text\n1;où est la mer\n2;là\n".encode("cp1252"),
    "t.parquet": _table(),
    "t.jsonl.gz": gzip.compress(_JSONL) * 2,
    "t.jsonl.zst": zstandard.ZstdCompressor().compress(_JSONL) * 2,
    "t.csv.bz2": bz2.compress(_JSONL),
    "t.mbox.xz": lzma.compress(_MAIL),
}
"""A sound file of each format, small."""


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """A file with one to eight places damaged: bytes changed, cut out, doubled, moved, or tokens put in."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 8)):
        chance.choice(_DAMAGES)(data, chance)
    return bytes(data)


def _flip(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.choice(_TOKENS)


def _overwrite(data: bytearray, chance: random.Random) -> None:
    at, token = chance.randint(0, len(data)), chance.choice(_TOKENS)
    data[at : at + len(token)] = token


def _cut(data: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(data))
    del data[at : at + chance.randint(1, 40)]


def _truncate(data: bytearray, chance: random.Random) -> None:
    if chance.random() < 0.3:
        del data[chance.randint(0, len(data)) :]


def _double(data: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(data))
    part = data[at : at + chance.randint(1, 300)]
    data[at:at] = part * chance.randint(1, 3)


def _number(data: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(data))
    value = chance.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1])
    data[at : at + 8] = value.to_bytes(8, "little")[: chance.choice([1, 2, 4, 8])]


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _flip, _insert, _insert, _overwrite, _cut, _truncate, _double, _number,
)  # fmt: skip
