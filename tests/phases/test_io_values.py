"""Values that no date, number or character can hold cost themselves, or their row, with the reason."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from eopiez_ray.errors import UnreadableInputError
from tests.reading import Reading, read_all

NUMBERS = [
    "1" + "0" * 400,
    "9" * 5_000,
    "-" + "8" * 5_000,
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "9253674967913938907123",
]


def jsonl(folder: Path, *lines: str) -> Reading:
    (folder / "t.jsonl").write_text("\n".join(lines), "utf-8")
    return read_all(folder / "t.jsonl")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("field", ["id", "date", "title", "label", "other"])
def test_number_of_any_size_costs_no_row(tmp_path: Path, number: str, field: str) -> None:
    row = f'{{"text": "A letter.", "{field}": {number}}}'
    found = jsonl(tmp_path, row, '{"text": "Another."}')
    assert found.texts == ["A letter.", "Another."]
    assert found.rows[0]["time"] is None
    if field == "id" and number.strip("-").isdigit():
        assert found.rows[0]["document_id"] == number
    (tmp_path / "t.json").write_text(f"[{row}, {row}]")
    assert len(read_all(tmp_path / "t.json").rows) == 2


@pytest.mark.parametrize("field", ["text", "other"])
def test_deep_nesting_costs_its_row(tmp_path: Path, field: str) -> None:
    deep = f'{{"text": "A", "{field}": ' + "[" * 20_000 + "]" * 20_000 + "}"
    found = jsonl(tmp_path, '{"text": "before"}', deep, '{"text": "after"}')
    assert found.texts == ["before", "after"]
    assert "nested too deeply" in found.rejects[0].reason
    middling = f'{{"text": "A", "{field}": ' + "[" * 900 + "]" * 900 + "}"
    assert len(jsonl(tmp_path, middling, '{"text": "after"}').rows) >= 1


@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE00", "\\udc80", "x\\ud83d\\ud83d\\ude00"])
@pytest.mark.parametrize("field", ["id", "title", "label", "text"])
def test_half_characters_are_marked_and_told(tmp_path: Path, field: str, half: str) -> None:
    row = {"text": "good morning", "id": "a"} | {field: "HALF"}
    found = jsonl(tmp_path, json.dumps(row).replace("HALF", f"cut {half}"))
    expected = "document_id" if field == "id" else field
    assert found.rows[0][expected].startswith("cut ")
    assert "\ufffd" in found.rows[0][expected]
    assert [what.startswith("it has half a character") for what in found.mended] == [True]


def test_whole_emoji_are_no_halves(tmp_path: Path) -> None:
    found = jsonl(tmp_path, '{"text": "pair \\ud83d\\ude00"}')
    assert (found.texts, found.mended) == (["pair 😀"], {})


def test_invalid_bytes_are_told_from_half_characters(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes('{"text": "ça été où"}\n'.encode() * 9 + b'{"text": "\xff \\ud83d"}\n')
    found = read_all(tmp_path / "t.jsonl")
    assert (len(found.rows), found.mended) == (9, {})
    assert "invalid in the file's encoding" in found.rejects[0].reason


MOMENTS = [253402300799_000000, 253402300800_000000, -62135596800_000001, 2**62, -(2**62), 0]


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York", "+14:00", "Mars/Phobos"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_beyond_the_calendar_are_missing(tmp_path: Path, unit: str, zone: str | None) -> None:
    times = pa.array(MOMENTS, pa.timestamp(unit, zone))
    pq.write_table(pa.table({"text": ["A letter."] * 6, "date": times}), tmp_path / "t.parquet")
    found = read_all(tmp_path / "t.parquet")
    assert len(found.rows) == 6
    assert found.rows[5]["time"] == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_strings_that_are_not_utf8_cost_no_other_row(tmp_path: Path, kind: pa.DataType) -> None:
    values = [b"caf\xe9 by the sea, open all winter", b"the ferry came late because of fog"] * 50
    column: Any = pa.array(values, pa.binary())
    text = pa.Array.from_buffers(pa.string(), 100, column.buffers())
    if kind != pa.string():
        text = (
            pa.DictionaryArray.from_arrays(list(range(100)), text)
            if pa.types.is_dictionary(kind)
            else text.view(pa.string())
        )
    table = pa.table(
        {"id": range(100), "text": text, "title": text, "meta": pa.StructArray.from_arrays([text], ["note"])}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = read_all(tmp_path / "t.parquet")
    assert (len(found.rows), len(found.rejects)) == (100, 0)
    assert found.texts[:2] == ["café by the sea, open all winter", "the ferry came late because of fog"]


@pytest.mark.parametrize("window", [27, 28, 31])
def test_long_windows_of_zstd_are_read(tmp_path: Path, window: int) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=window, enable_ldm=True)
    line = b'{"text": "A post about ships and the weather."}\n'
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    (tmp_path / "t.jsonl.zst").write_bytes(compressor.compress(line * 3_000) + compressor.flush())
    assert len(read_all(tmp_path / "t.jsonl.zst").rows) == 3_000


def test_skippable_frames_and_zeros_between_members_are_nothing(tmp_path: Path) -> None:
    line = b'{"text": "x"}\n'
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    part = zstandard.ZstdCompressor().compress(line)
    (tmp_path / "t.jsonl.zst").write_bytes(part + skipped + part)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(line) + bytes(600) + gzip.compress(line) + bytes(99))
    assert len(read_all(tmp_path).rows) == 4
    assert not read_all(tmp_path).left_out


@pytest.mark.parametrize("name", ["t.jsonl.gz", "t.txt.gz"])
def test_garbage_after_compressed_data_is_counted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b'{"text": "x"}\n') + b"garbage")
    found = read_all(tmp_path / name)
    assert len(found.rows) == 1
    assert found.left_out == {"end of a file, after its compressed data": 1}


def test_damage_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    data = b"".join(gzip.compress(f'{{"text": "{n}"}}\n'.encode()) for n in range(9_000))
    half = len(data) // 2
    (tmp_path / "t.jsonl.gz").write_bytes(data[:half] + bytes(byte ^ 0xFF for byte in data[half : half + 50]))
    found = read_all(tmp_path / "t.jsonl.gz")
    assert 4_000 < len(found.rows) < 5_000


def test_unreadable_files_say_why(tmp_path: Path) -> None:
    for name in ("t.parquet", "t.jsonl.gz", "t.jsonl.zst"):
        (tmp_path / name).write_bytes(
            {"t.parquet": b"PAR1", "t.jsonl.gz": b"\x1f\x8b\x08", "t.jsonl.zst": b"\x28\xb5\x2f\xfd"}[name]
        )
        with pytest.raises(UnreadableInputError, match=name):
            read_all(tmp_path / name)
