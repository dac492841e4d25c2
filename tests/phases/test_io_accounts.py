"""Nothing vanishes: every row of every input is a document, a reject with its reason, or counted as left out."""

from __future__ import annotations

import csv
import errno
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eopiez_ray.errors import EmptyCollectionError, UnreadableInputError
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io import read_collection
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.reading import input_errors
from eopiez_ray.phases.io.records import Piece, Record, converted

GOOD = "The harbour was quiet on that day, and the pilot slept."
Cell = str | int | float | bool | list[Any] | dict[str, Any] | None


def account(path: Path) -> tuple[int, int, int]:
    """Documents, rejected rows, and what was left out, with a document added so that there is always one."""
    (path.parent / "good.txt").write_text(GOOD)
    batches = list(read_collection([str(path), str(path.parent / "good.txt")]))
    assert all(reject.reason and reject.source.startswith(path.name) for batch in batches for reject in batch.rejects)
    documents = sum(batch.documents.num_rows for batch in batches) - 1
    return (
        documents,
        sum(reject.source != path.name for batch in batches for reject in batch.rejects),
        sum(batch.remarks.left_out.total() for batch in batches),
    )


def as_jsonl(cells: Sequence[Cell]) -> bytes:
    return "".join(json.dumps({"id": 1, "text": cell}) + "\n" for cell in cells).encode()


def as_json(cells: Sequence[Cell]) -> bytes:
    return json.dumps([{"id": 1, "text": cell} for cell in cells]).encode()


def as_csv(cells: Sequence[Cell]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows([["id", "text"], *([f"n{i}", str(cell)] for i, cell in enumerate(cells))])
    return file.getvalue().encode("utf-8", "replace")


def as_tsv(cells: Sequence[Cell]) -> bytes:
    lines = (" ".join(str(cell).split()) for cell in cells)
    return ("id\ttext\n" + "".join(f"n{i}\t{line}\n" for i, line in enumerate(lines))).encode("utf-8", "replace")


def as_mbox(cells: Sequence[Cell]) -> bytes:
    head = "From a@example.org Sat Apr 05 10:00:00 2031\nFrom: a@example.org\nSubject: s\n\n"
    bodies = (str(cell).replace("\nFrom ", "\n>From ") for cell in cells)
    return "".join(f"{head}{body}\n\n" for body in bodies).encode("utf-8", "replace")


def as_parquet(cells: Sequence[Cell]) -> bytes:
    file = io.BytesIO()
    kept = [cell.encode("utf-8", "surrogatepass") if isinstance(cell, str) else None for cell in cells]
    pq.write_table(pa.table({"id": range(len(cells)), "text": pa.array(kept, pa.binary())}), file)
    return file.getvalue()


WRITERS: dict[str, Callable[[Sequence[Cell]], bytes]] = {
    "t.jsonl": as_jsonl,
    "t.json": as_json,
    "t.csv": as_csv,
    "t.tsv": as_tsv,
    "t.mbox": as_mbox,
    "t.parquet": as_parquet,
}
CELLS = st.one_of(
    st.text(st.characters(exclude_categories=["Cc"]), max_size=40),
    st.text('",;\t\\\n\r ab\u2028\ufeff', max_size=12),
    st.just("a \0 within"),
    st.none(),
    st.floats(),
    st.integers(),
    st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.sampled_from(["text", "id"]), st.text(max_size=3), max_size=2),
)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=150, deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=12))
def test_rows_in_are_rows_out(tmp_path_factory: pytest.TempPathFactory, name: str, cells: list[Cell]) -> None:
    path = tmp_path_factory.mktemp("in") / name
    path.write_bytes(WRITERS[name](cells))
    assert sum(account(path)) == len(cells)


TEXT = ["A letter about the harbour.", None, "Another one."]
WRAPPED = pa.array([{"text": text, "n": 1} for text in TEXT])
FORMS: dict[str, tuple[pa.Array, int]] = {
    "binary": (pa.array([text and text.encode() for text in TEXT], pa.binary()), 2),
    "large_binary": (pa.array([text and text.encode() for text in TEXT], pa.large_binary()), 2),
    "fixed binary": (pa.array([b"abcd", None, b"efgh"], pa.binary(4)), 2),
    "large_string": (pa.array(TEXT, pa.large_string()), 2),
    "string_view": (pa.array(TEXT, pa.string_view()), 2),
    "dictionary": (pa.array(TEXT).dictionary_encode(), 2),
    "dictionary of bytes": (pa.array([b"a", None, b"b"]).dictionary_encode(), 2),
    "list of paragraphs": (pa.array([["One.", "Two."], None, ["Three."]]), 2),
    "struct": (WRAPPED, 2),
    "struct in a struct": (pa.array([{"post": cell} for cell in WRAPPED.to_pylist()]), 2),
    "null": (pa.nulls(3), 0),
    "numbers": (pa.array([1, 2, 3]), 0),
    "blob": (pa.array([b"\x00\x01\x02", b"\xff\x00", None]), 0),
    "list of structs": (pa.array([[{"text": "a"}], None, []]), 0),
    "map": (pa.array([[("a", "b")], None, []], pa.map_(pa.string(), pa.string())), 0),
}


@pytest.mark.parametrize("form", FORMS)
def test_text_of_any_parquet_type_is_read_or_rejected(tmp_path: Path, form: str) -> None:
    column, readable = FORMS[form]
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": column, "vector": [[0.5]] * 3}), path)
    documents, rejects, left_out = account(path)
    assert documents == readable
    assert documents + rejects + left_out == 3


def test_bytes_are_the_text_where_nothing_else_is(tmp_path: Path) -> None:
    pq.write_table(pa.table({"payload": [GOOD.encode()] * 2, "n": [1, 2]}), tmp_path / "t.parquet")
    assert account(tmp_path / "t.parquet") == (2, 0, 0)


@pytest.mark.parametrize(
    ("name", "content"), [("t.csv", "id,text\n"), ("u.csv", ""), ("t.jsonl", ""), ("t.json", "[]"), ("t.mbox", "")]
)
def test_file_without_rows_is_counted(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert account(tmp_path / name) == (0, 0, 1)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl"])
def test_blank_lines_are_counted_wherever_they_are(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("\n" * 3)
    assert account(path) == (0, 0, 4)  # And a file without rows.
    row = '{"text": "a"}\n' if name == "t.jsonl" else "a\n"
    path.write_text(("" if name == "t.jsonl" else "text\n") + f"\n{row}\n\n{row}\n")
    assert account(path) == (2, 0, 4)


def test_rows_below_many_bad_ones_are_read(tmp_path: Path) -> None:
    path = tmp_path / "late.jsonl"
    path.write_text("{nope\n" * 250 + '{"body": "late, but here"}\n' * 3)
    assert account(path) == (3, 250, 0)


def test_counts_travel_with_the_documents(tmp_path: Path) -> None:
    from eopiez_ray.phases.io import ReadOptions, find_duplicates

    path = tmp_path / "t.csv"
    path.write_text('sep=,\nid,text\n1,one\n\n2,"two\n3,two\n4,\n')
    tables = [batch.documents for batch in read_collection([str(path)], ReadOptions(batch_rows=2))]
    found = find_duplicates(tables)
    assert (found.total_documents, found.empty) == (4, 1)
    assert dict(found.left_out) == {"line above the header": 1, "blank line": 1}
    assert [remark[1:] for remark in found.mended] == [(1, "t.csv:5")]


def test_unforeseen_error_costs_its_piece_alone() -> None:
    def convert(source: str, content: Exception | str) -> Record | Reject:
        if isinstance(content, Exception):
            raise content
        return Record(content, source)

    contents = [ZeroDivisionError("odd"), RecursionError(), AssertionError(), ValueError("\ud800\n"), "good"]
    pieces: list[Piece[Any]] = [Piece(number, content) for number, content in enumerate(contents, 1)]
    found = list(converted("f", pieces, convert))
    assert [type(item) for item in found] == [Reject] * 4 + [Record]
    assert found[3] == Reject("f:4", "it cannot be read: ValueError: \\ud800\\n", "")
    with pytest.raises(MemoryError):
        list(converted("f", [Piece(1, MemoryError())], convert))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), OSError(errno.EMFILE, "many"), MemoryError()])
def test_limits_of_the_machine_are_no_fault_of_a_file(error: Exception) -> None:
    file = InputFile("/t.csv", "t.csv", None)
    with pytest.raises(type(error)), input_errors(file):
        raise error
    with pytest.raises(UnreadableInputError, match="i/o error"), input_errors(file):
        raise OSError(errno.EIO, "I/O error")
    with pytest.raises(UnreadableInputError, match=r"t\.csv"), input_errors(file):
        raise SystemError


def test_collection_without_documents_says_why(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.nulls(3)}), tmp_path / "t.parquet")
    with pytest.raises(EmptyCollectionError, match=r"all 3 rows or files were rejected.*no 'text'"):
        list(read_collection([str(tmp_path / "t.parquet")]))
