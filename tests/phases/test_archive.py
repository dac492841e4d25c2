"""Archives: what goes in comes out, and damage never goes unnoticed."""

from __future__ import annotations

import errno
import itertools
import json
import os
import pickle
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from eopiez_ray.errors import (
    DamagedArchiveError,
    DocumentNotFoundError,
    NotAnArchiveError,
    ParameterError,
    StorageFullError,
)
from eopiez_ray.phases.compression import (
    Archive,
    ArchiveFacts,
    Blocks,
    Codebook,
    Codec,
    Effort,
    compress_documents,
    sample_documents,
    train,
    write_archive,
)
from eopiez_ray.phases.compression.codebook import Sample
from eopiez_ray.phases.compression.layout import BLOCK_MAGIC, HEAD, TAIL, digest, protect, unprotect
from eopiez_ray.phases.compression.words import MOST_WORDS, WordCoder, find_words
from eopiez_ray.phases.io import text_digest
from eopiez_ray.phases.schemas import DOCUMENTS

WORDS = ("the of and to in motif theme sheaf vector document collection Über été naïve Привет world " * 3).split()


def table_of(texts: list[str], prefix: str = "d", **columns: list[Any]) -> pa.Table:
    n = len(texts)
    rows: dict[str, list[Any]] = {
        "document_id": [f"{prefix}{i}" for i in range(n)],
        "text": texts,
        "title": [None] * n,
        "source": [f"{prefix}{i}.txt" for i in range(n)],
        "time": [None] * n,
        "label": [None] * n,
        "digest": [text_digest(text) for text in texts],
    }
    rows |= columns
    return pa.table([pa.array(rows[field.name], field.type) for field in DOCUMENTS], schema=DOCUMENTS)


def prose(n: int, length: int = 60, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    vocabulary = [*WORDS, *(f"word{rng.randrange(400)}" for _ in range(300))]
    return [" ".join(rng.choices(vocabulary, k=length)).capitalize() + ".\n" for _ in range(n)]


def write(
    path: Path, parts: list[pa.Table], effort: Effort = Effort.NORMAL, block_size: int = 1 << 20, **metadata: Any
) -> ArchiveFacts:
    codebook = train([sample_documents(part) for part in parts], effort)
    return write_archive(path, (compress_documents(part, codebook, block_size) for part in parts), codebook, metadata)


def read_all(path: Path) -> pa.Table:
    with Archive.open(path) as archive:
        return pa.concat_tables([DOCUMENTS.empty_table(), *archive.documents()])


@pytest.mark.parametrize("effort", Effort)
def test_everything_comes_back(tmp_path: Path, effort: Effort) -> None:
    texts = prose(400)
    moments = [datetime(2020, 1, 1, 12, 30, 0, 123456, tzinfo=UTC), None, datetime(1803, 5, 5, tzinfo=UTC)]
    titles = [text.split(" ")[0] if i % 3 else None for i, text in enumerate(texts)]
    labels = ["a" if i % 2 else None for i in range(400)]
    whole = table_of(texts, title=titles, label=labels, time=[moments[i % 3] for i in range(400)])
    parts = [whole.slice(0, 150), whole.slice(150, 250)]
    facts = write(tmp_path / "a.eopz", parts, effort, block_size=20_000, language="en")
    assert read_all(tmp_path / "a.eopz").equals(whole)
    with Archive.open(tmp_path / "a.eopz") as archive:
        assert archive.facts == {"language": "en"}
        assert list(archive.ids()) == whole.column("document_id").to_pylist()
        assert len(archive) == facts.documents == 400
        assert archive.read("d7").text == texts[7]
        assert archive.read("d9").title == titles[9]
        assert archive.verify().is_intact
    assert facts.text_bytes == sum(len(text.encode()) for text in texts)
    assert facts.stored_bytes == (tmp_path / "a.eopz").stat().st_size
    assert facts.ratio > 2


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(any_text, st.none() | any_text, any_text, st.none() | any_text), max_size=8),
    st.integers(20, 300),
    st.sampled_from([Effort.FAST, Effort.NORMAL]),
)
def test_any_documents_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str | None, str, str | None]],
    size: int,
    effort: Effort,
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.eopz"
    texts, titles, ids, labels = ([row[i] for row in rows] for i in range(4))
    table = table_of([str(text) for text in texts], title=titles, document_id=ids, label=labels)
    write(path, [table, table], effort, size)
    assert read_all(path).equals(pa.concat_tables([table, table]))
    with Archive.open(path) as archive:
        for name in ids:
            assert archive.read(str(name)).text == texts[ids.index(name)]


@pytest.mark.parametrize("texts", [[], [""], ["one"], ["", ""], ["\ud7ff\U0010ffff\x00\x7f\x80"]])
def test_tiny_collections(tmp_path: Path, texts: list[str]) -> None:
    path = tmp_path / "tiny.eopz"
    facts = write(path, [table_of(texts)])
    assert read_all(path).column("text").to_pylist() == texts
    assert facts.documents == len(texts)
    with Archive.open(path) as archive:
        assert archive.verify().is_intact
        with pytest.raises(DocumentNotFoundError, match="nope"):
            archive.read("nope")
    assert write_archive(path, [], train([])).blocks == 0
    assert read_all(path).num_rows == 0


def test_long_document_is_cut_and_joined(tmp_path: Path) -> None:
    long = "".join(prose(8_000, 100, seed=1)) + "é" * 100_001
    assert len(long) > 4 << 20
    table = table_of(["before", long, "after", long[: 1 << 20], ""])
    facts = write(tmp_path / "l.eopz", [table])
    assert facts.blocks > 5
    assert read_all(tmp_path / "l.eopz").equals(table)
    with Archive.open(tmp_path / "l.eopz") as archive:
        assert archive.read("d1").text == long
        assert archive.read("d2").text == "after"


def test_reading_one_document_touches_its_block_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.eopz"
    table = table_of(prose(300))
    facts = write(path, [table], block_size=10_000)
    data = bytearray(path.read_bytes())
    starts = block_starts(bytes(data))
    assert len(starts) == facts.blocks > 5
    for start, end in zip(starts[1:], [*starts[2:], len(data) - 600], strict=True):
        data[start + 60 : end] = bytes(end - start - 60)
    path.write_bytes(data)
    with Archive.open(path) as archive:
        assert archive.read("d0").text == table.column("text")[0].as_py()
        with pytest.raises(DamagedArchiveError):
            archive.read("d299")


def test_footer_alone_tells_what_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "a.eopz", [table_of(prose(300))], block_size=10_000)
    with Archive.open(tmp_path / "a.eopz") as archive:
        candidates = [len(list(archive._candidates(f"absent{i}"))) for i in range(200)]
    assert sum(candidates) < 10


def block_starts(data: bytes) -> list[int]:
    starts = []
    at = data.find(BLOCK_MAGIC)
    while at >= 0:
        starts.append(at)
        at = data.find(BLOCK_MAGIC, at + 1)
    return starts


def small_archive(path: Path) -> tuple[bytes, dict[str, str]]:
    table = table_of(prose(9, 12))
    codebook = Codebook((b"the", b"of", b"motif", b"theme", b"sheaf"), b"", Codec.WORDS_BZIP2, 0.9, Effort.NORMAL)
    write_archive(path, [compress_documents(table, codebook, 250)], codebook, {"n": 9})
    return path.read_bytes(), dict(
        zip(table.column("document_id").to_pylist(), table.column("text").to_pylist(), strict=True)
    )


def test_every_flipped_byte_is_noticed_and_gives_no_wrong_text(tmp_path: Path) -> None:
    path = tmp_path / "s.eopz"
    intact, texts = small_archive(path)
    for place in range(len(intact)):
        broken = bytearray(intact)
        broken[place] ^= 1 << (place % 8)
        path.write_bytes(broken)
        with Archive.open(path) as archive:
            assert not archive.verify().is_intact, place
            found, damaged = gather(archive)
            assert found.items() <= texts.items()
            assert len(damaged) <= 1
            assert bool(damaged) == (len(found) < len(texts))
            lost = texts.keys() - found.keys()
            assert len(lost) <= 5
            for name in lost:
                with pytest.raises(DamagedArchiveError):
                    archive.read(name)


def gather(archive: Archive) -> tuple[dict[str, str], list[int]]:
    found: dict[str, str] = {}
    try:
        for table in archive.documents():
            found |= dict(zip(table.column("document_id").to_pylist(), table.column("text").to_pylist(), strict=True))
    except DamagedArchiveError as damage:
        return found, damage.blocks
    return found, []


def test_every_truncation_is_noticed_and_keeps_the_whole_blocks(tmp_path: Path) -> None:
    path = tmp_path / "s.eopz"
    intact, texts = small_archive(path)
    starts = block_starts(intact)
    for length in range(len(intact)):
        path.write_bytes(intact[:length])
        try:
            archive = Archive.open(path)
        except NotAnArchiveError:
            assert length < starts[0]
            continue
        with archive:
            assert not archive.verify().is_intact
            found, damaged = gather(archive)
            assert found.items() <= texts.items()
            assert bool(damaged) == (len(found) < len(texts))
            whole = sum(end <= length for end in starts[1:])
            assert sum(place.documents for place in archive._places.values()) == len(found)
            assert len(archive._places) >= whole


def test_lost_footer_is_recovered(tmp_path: Path) -> None:
    path = tmp_path / "a.eopz"
    table = table_of(prose(300))
    write(path, [table], block_size=10_000)
    path.write_bytes(path.read_bytes()[:-20])
    assert read_all(path).equals(table)
    with Archive.open(path) as archive:
        assert archive.read("d123").text == table.column("text")[123].as_py()
        check = archive.verify()
        assert (check.damaged, check.parts) == ((), ("footer",))
        assert archive.facts == {}
        with pytest.raises(DocumentNotFoundError):
            archive.read("nope")


def test_damaged_blocks_are_named_and_the_others_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.eopz"
    table = table_of(prose(300))
    facts = write(path, [table], block_size=10_000)
    data = bytearray(path.read_bytes())
    starts = block_starts(bytes(data))
    for number in (2, 5):
        data[starts[number] + 100] ^= 0xFF
    path.write_bytes(data)
    with Archive.open(path) as archive:
        assert archive.verify().damaged == (2, 5)
        assert archive.verify().blocks == facts.blocks
        with pytest.raises(
            DamagedArchiveError, match=r"2 damaged block\(s\): 2, 5; all other blocks are intact"
        ) as caught:
            archive.unpack(tmp_path / "out")
        assert caught.value.blocks == [2, 5]
        with pytest.raises(DamagedArchiveError):
            list(archive.ids())
    lines = (tmp_path / "out" / "documents.jsonl").read_text("utf-8").splitlines()
    assert 200 < len(lines) < 300
    assert {json.loads(line)["text"] for line in lines} <= set(table.column("text").to_pylist())


def test_block_that_was_exchanged_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.eopz"
    write(path, [table_of([f"{i:03}" for i in range(40)])], block_size=30)
    data = path.read_bytes()
    first, second, third = block_starts(data)[1:4]
    assert second - first == third - second
    path.write_bytes(data[:first] + data[second:third] + data[first:second] + data[third:])
    with Archive.open(path) as archive:
        assert archive.verify().damaged == (1, 2)


def test_codebook_survives_the_loss_of_any_slice() -> None:
    rng = random.Random(2)
    for size in (1, 15, 16, 17, 1_000):
        data = rng.randbytes(size)
        protected = protect(data)
        assert unprotect(protected, size) == (data, 0)
        width = len(protected) // 17
        for i in range(17):
            broken = protected[: i * width] + rng.randbytes(width) + protected[(i + 1) * width :]
            assert unprotect(broken, size) == (data, 1)
        with pytest.raises(ValueError, match="2 of 17"):
            unprotect(rng.randbytes(2 * width) + protected[2 * width :], size)


def test_lost_codebook_is_reported_with_every_block_that_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "s.eopz"
    table = table_of([*prose(900), "tail " * 9])
    codebook = Codebook((b"the", b"of"), b"", Codec.WORDS_BZIP2, 0.9, Effort.NORMAL)
    parts = [table.slice(0, 900), table.slice(900)]
    write_archive(path, [compress_documents(part, codebook) for part in parts], codebook)
    intact = path.read_bytes()
    start = block_starts(intact)[0]
    path.write_bytes(intact[: HEAD.size] + bytes(start - HEAD.size) + intact[start:])
    with Archive.open(path) as archive:
        assert "codebook" in archive.verify().parts
        assert archive.verify().damaged == (0,)
        assert gather(archive) == ({"d900": "tail " * 9}, [0])
        assert list(archive.ids()) == table.column("document_id").to_pylist()


@pytest.mark.parametrize("content", [b"", b"x", b"EOPZ", b"PK\x03\x04" + bytes(3_000), b"EOPZ" + bytes(100)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.eopz"
    path.write_bytes(content)
    with pytest.raises(NotAnArchiveError, match=r"x\.eopz"):
        Archive.open(path)


def test_later_version_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "x.eopz"
    data, _ = small_archive(path)
    path.write_bytes(data[:4] + b"\x09\x00" + data[6:-1])
    with pytest.raises(NotAnArchiveError, match=r"version 9 .*update"):
        Archive.open(path)
    size, _, magic = TAIL.unpack(data[-TAIL.size :])
    footer = zstandard.ZstdDecompressor().decompress(data[-TAIL.size - size : -TAIL.size])
    later = zstandard.ZstdCompressor().compress(footer.replace(b'"version": 1', b'"version": 7'))
    path.write_bytes(data[: -TAIL.size - size] + later + TAIL.pack(len(later), digest(later), magic))
    with pytest.raises(NotAnArchiveError, match=r"version 7 .*update"):
        Archive.open(path)


def test_unpacking_to_files_stays_inside_the_folder(tmp_path: Path) -> None:
    ids = ["a/b.txt", "a/b", "A/B.TXT", "../../evil", "/etc/passwd", "x.txt/y", "x", "", "nul\0:*", "é" * 300]
    texts = [f"text {i}" for i in range(len(ids))]
    write(tmp_path / "a.eopz", [table_of(texts, document_id=ids)])
    with Archive.open(tmp_path / "a.eopz") as archive:
        assert archive.unpack(tmp_path / "out", "text") == len(ids)
        with pytest.raises(ParameterError, match="jsonl, parquet, text"):
            archive.unpack(tmp_path / "out", "xml")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sorted(path.read_text() for path in files) == sorted(texts)
    assert (tmp_path / "out" / "a" / "b.txt").read_text() == "text 0"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.eopz", "out"]


def test_unpacking_to_tables_keeps_everything(tmp_path: Path) -> None:
    table = table_of(prose(50), time=[datetime(2024, 1, 1, tzinfo=UTC)] * 50, label=["x"] * 50)
    write(tmp_path / "a.eopz", [table])
    with Archive.open(tmp_path / "a.eopz") as archive:
        archive.unpack(tmp_path, "parquet")
        archive.unpack(tmp_path, "jsonl")
    assert pq.read_table(tmp_path / "documents.parquet").equals(table)
    first = json.loads((tmp_path / "documents.jsonl").read_text("utf-8").splitlines()[0])
    assert first["id"] == "d0"
    assert first["time"] == "2024-01-01T00:00:00+00:00"
    assert "title" not in first


def failing(parts: list[Blocks], error: Exception) -> Iterator[Blocks]:
    yield from parts
    raise error


def test_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.eopz"
    intact, _ = small_archive(path)
    codebook = train([])
    blocks = compress_documents(table_of(["new"]), codebook)
    with pytest.raises(RuntimeError, match="lost"):
        write_archive(path, failing([blocks], RuntimeError("lost")), codebook)
    with pytest.raises(StorageFullError, match=r"no space is left for .*free some"):
        write_archive(path, failing([blocks], OSError(errno.ENOSPC, "full")), codebook)
    assert path.read_bytes() == intact
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.eopz"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_full_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / f".a.eopz.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(StorageFullError):
        write(tmp_path / "a.eopz", [table_of(prose(3_000))])


def test_codebooks_and_blocks_travel(tmp_path: Path) -> None:
    table = table_of(prose(200))
    sample = pickle.loads(pickle.dumps(sample_documents(table)))
    assert isinstance(sample, Sample)
    codebook = train([sample])
    _ = codebook.coders
    again = pickle.loads(pickle.dumps(codebook))
    assert again == codebook
    blocks = pickle.loads(pickle.dumps(compress_documents(table, again)))
    write_archive(tmp_path / "a.eopz", [blocks], codebook)
    assert read_all(tmp_path / "a.eopz").equals(table)


def test_training_is_deterministic_and_ignores_empty_partitions() -> None:
    parts = [table_of(prose(200)), table_of([]), table_of([""])]
    samples = [sample_documents(part) for part in parts]
    assert train(samples) == train(samples)
    assert train(samples).words == train(samples[:1]).words
    assert train(samples).codec in {Codec.BZIP2, Codec.WORDS_BZIP2}


def test_incompressible_text_is_stored(tmp_path: Path) -> None:
    rng = random.Random(3)
    texts = ["".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(2_000)) for _ in range(20)]
    facts = write(tmp_path / "a.eopz", [table_of(texts)])
    assert facts.stored_bytes < 1.05 * facts.text_bytes
    assert read_all(tmp_path / "a.eopz").column("text").to_pylist() == texts


VOCABULARY = (b"the", b"of", *(word.encode() for word in ["été", "привет", "don", "word"]), b"ab", b"abcd", b"zz")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["the", "The", "THE", "tHe", "of", "Été", "été", "Привет", " ", "  ", "\n", "ab", "AB", "A", "'", "日本"]
        ),
        max_size=30,
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.integers(0, 10),
)
def test_word_codes_are_undone_exactly(pieces: list[str], other: str, cut: int) -> None:
    coder = WordCoder(VOCABULARY)
    text = ("".join(pieces) + other).encode()[cut:]
    coded = coder.encode(text)
    assert coder.decode(coded) == text
    assert len(coded) <= len(text)


def test_words_of_every_code_length_are_undone() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = tuple("".join(word).encode() for word in itertools.islice(itertools.product(letters, repeat=4), 3_000))
    text = b" ".join(words) + b" " + b" ".join(word.upper() for word in words)
    coder = WordCoder(words)
    assert coder.decode(coder.encode(text)) == text
    assert len(coder.encode(text)) < 0.7 * len(text)
    assert find_words(b"The END of tHe").to_pylist() == [b"the", b"end", b"of"]
    with pytest.raises(ValueError, match="codes for"):
        WordCoder(tuple(b"%d" % i for i in range(MOST_WORDS + 1)))
    with pytest.raises(ValueError, match="no word"):
        WordCoder(()).decode(b"\xf5")
