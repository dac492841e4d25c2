"""Files as programs really write them: JSON of any shape, tables without a header, pages that lie about themselves, and
formats that are not read, each with a word that says so."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.ipc as ipc
import pyarrow.orc as orc
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.errors import EmptyCollectionError, UnreadableInputError
from eopiez_ray.phases.io import ReadOptions, read_collection, reading, survey
from eopiez_ray.phases.io.prose import html_text
from tests.reading import read_all

Write = Callable[[str, str | bytes], Path]
ROWS = [{"id": str(number), "text": f"Letter {number} on ships.", "label": "ab"[number % 2]} for number in range(9)]
TEXTS = [row["text"] for row in ROWS]
NAMES = ["id", "text", "label"]

SHAPES: dict[str, object] = {
    "records": ROWS,
    "inside": {"count": 9, "rows": ROWS},
    "by key": {f"k{row['id']}": row for row in ROWS},
    "by key with gaps": {row["id"]: row | {"extra": 1} if row["label"] == "a" else row for row in ROWS},
    "columns of keys": {name: {row["id"]: row[name] for row in ROWS} for name in NAMES},
    "columns of lists": {name: [row[name] for row in ROWS] for name in NAMES},
    "split": {"columns": NAMES, "index": [*range(9)], "data": [[row[name] for name in NAMES] for row in ROWS]},
    "table": {"schema": {"fields": [{"name": name} for name in NAMES]}, "data": ROWS},
}
WRITTEN: dict[str, Callable[[object], str]] = {
    "on one line": json.dumps,
    "over many lines": lambda value: json.dumps(value, indent=2),
    "as a script": lambda value: "window.YTD.letters.part0 = " + json.dumps(value, indent=1),
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t"])
@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_row_of_a_table_in_one_value_is_lost(write: Write, shape: str, way: str, name: str) -> None:
    found = read_all(write(name, WRITTEN[way](SHAPES[shape])))
    assert found.texts == TEXTS
    assert [row["label"] for row in found.rows] == [row["label"] for row in ROWS]
    assert not found.rejects


@pytest.mark.parametrize("between", ["\n", "", ",\n", " ", "\n\x1e", "\r\n"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.ndjson"])
def test_values_one_after_the_other_are_rows_however_they_are_parted(
    write: Write, name: str, indent: int | None, between: str
) -> None:
    found = read_all(write(name, between.join(json.dumps(row, indent=indent) for row in ROWS)))
    assert found.texts == TEXTS


def test_an_object_of_objects_that_are_not_alike_stays_one_document(write: Write) -> None:
    found = read_all(write("t.json", json.dumps({"post": {"text": "A letter.", "likes": 3}, "user": {"name": "Ann"}})))
    assert found.texts == ["A letter."]
    found = read_all(write("u.json", json.dumps({"text": ["One paragraph.", "Another."], "label": "x"})))
    assert found.texts == ["One paragraph.\nAnother."]


def test_a_text_in_parts_is_put_together(write: Write) -> None:
    message = {"text": ["See ", {"type": "link", "text": "the harbour"}, " tomorrow."]}
    found = read_all(write("t.json", json.dumps({"messages": [message, {"text": [{"type": "x"}]}]})))
    assert found.texts == ["See the harbour tomorrow."]
    assert [reject.reason for reject in found.rejects] == ["its 'text' is a list and not a text"]


HEADLESS = {
    "numbers": lambda n: f"{n},Letter {n} on ships and the sea\n",
    "dates": lambda n: f"2024-03-{n + 10},Letter {n} on ships and the sea\n",
    "times": lambda n: f'"Mon Apr 06 22:19:{n + 10} PDT 2009","u{n}","Letter {n} on ships and the sea"\n',
    "labels": lambda n: f"{'pos' if n % 2 else 'neg'},Letter {n} on ships and the sea\n",
    "prose": lambda n: f"u{'abcdefghijkl'[n]},The letter that came in {n} days was long.\n",
}


@pytest.mark.parametrize("kind", HEADLESS)
def test_the_first_row_of_a_table_without_header_is_no_header(write: Write, kind: str) -> None:
    found = read_all(write("t.csv", "".join(HEADLESS[kind](number) for number in range(12))))
    assert len(found.texts) == 12
    assert all("etter" in text for text in found.texts)
    assert [what for what in found.mended if "no header" in what]


HEADERS = [
    "country,2019,2020,remark",
    "Q1,Q2,Q3,remark",
    "Nr.,Betrag (EUR),Datum d. E.,Bemerkung zum Fall.",
    "I was told in time about all changes.,I like my work here.,Other,Anything else that you want to say?",
    f"When,How satisfied are you ({'x' * 90})?,Where,Please describe in your own words {'x' * 60}:",
]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_of_other_names_is_one(write: Write, header: str) -> None:
    rows = "".join(f"A{n % 3},{n % 5},{n % 7},There should be more ships here {n}\n" for n in range(12))
    found = read_all(write("t.csv", f"{header}\n{rows}"), text_column=header.split(",")[-1])
    assert len(found.texts) == 12
    assert not [what for what in found.mended if "no header" in what]
    assert len(read_all(write("u.csv", f"{header}\n{rows}")).texts) == 12


@pytest.mark.parametrize("delimiter", [" ", ":", "‖"])
def test_a_table_of_an_unknown_delimiter_is_not_cut_elsewhere(write: Write, delimiter: str) -> None:
    rows = "".join(f"{n}{delimiter}Late by {n},5 hours was it all{delimiter}1,5\n" for n in range(12))
    with pytest.raises(UnreadableInputError, match="line 1 is no header"):
        read_all(write("t.csv", delimiter.join(["Number", "Remark", "Amount"]) + "\n" + rows))


LIES = {
    "meta latin-1": ("<html><head><meta charset='iso-8859-1'><body>{}", "utf-8"),
    "meta cp1252": ("<html><head><meta charset='windows-1252'><body>{}", "utf-8"),
    "meta utf-8": ("<html><head><meta charset='utf-8'><body>{}", "cp1252"),
    "meta nonsense": ("<html><head><meta charset='x-\0y'><body>{}", "utf-8"),
    "meta utf-16": ("<html><head><meta charset='utf-16'><body>{}", "utf-8"),
    "xml declaration": ("<?xml version='1.0' encoding='iso-8859-15'?><html><body>{}", "iso-8859-15"),
}


@pytest.mark.parametrize("case", LIES)
def test_a_page_is_read_in_the_encoding_that_it_is_in(write: Write, case: str) -> None:
    page, encoding = LIES[case]
    text = "Grüße aus Köln, und schöne Tage wünschen wir"
    assert read_all(write("t.html", page.format(text).encode(encoding))).texts == [text]


def test_a_mail_is_read_in_the_encoding_that_it_is_in(write: Write) -> None:
    head = "From: a@example.org\nSubject: x\nContent-Type: text/plain; charset=iso-8859-1\n\n"
    assert read_all(write("t.eml", f"{head}Grüße aus Köln")).texts == ["Grüße aus Köln"]
    assert read_all(write("u.eml", f"{head}Grüße aus Köln".encode("latin-1"))).texts == ["Grüße aus Köln"]


DEEP = {
    "never closed": "<div>" * 100_000 + "deep",
    "closed": "<div>" * 100_000 + "deep" + "</div>" * 100_000,
    "lists": "<ul><li>" * 50_000 + "deep",
    "unknown tags": "".join(f"<x{number}>" for number in range(100_000)) + "deep",
    "attributes": "<p " + " ".join(f"a{number}=1" for number in range(100_000)) + ">deep</p>",
    "quoted attributes": "<p " + " ".join(f"a{number}='b c'" for number in range(100_000)) + ">deep</p>",
}


@pytest.mark.parametrize("case", DEEP)
def test_a_page_takes_no_longer_than_it_is_long(case: str) -> None:
    began = time.process_time()
    assert html_text(DEEP[case]) == "deep"
    assert time.process_time() - began < 20  # Minutes, if the parser goes through all that is open for each tag.


def test_what_is_around_something_too_deep_is_read() -> None:
    page = f"<p>before</p>{'<div>' * 3_000}inside{'</div>' * 3_000}<p>after <b>it</b></p>{'<p>x' * 3_000}"
    assert html_text(page).split("\n")[:3] == ["before", "inside", "after it"]


def test_xml_is_read_without_its_markup(write: Write) -> None:
    xml = (
        "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'y'>]><a b='c'><!-- d -->Ships &amp; sea<e/><![CDATA[a < b]]></a>"
    )
    assert read_all(write("t.xml", xml)).texts == ["Ships & sea\na < b"]
    assert read_all(write("u", xml)).texts == ["Ships & sea\na < b"]
    with pytest.raises(EmptyCollectionError, match="save its rows as CSV or JSON lines"):
        read_all(write("v.xml", '<?xml version="1.0"?><posts><row Id="1" Body="Hello"/></posts>'))


def zipped() -> bytes:
    file = io.BytesIO()
    zipfile.ZipFile(file, "w").close()
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 1_000
        archive.addfile(member, io.BytesIO(b"word " * 200))
    return file.getvalue()


def arrow(write_to: Callable[[pa.Table, io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write_to(pa.table({"text": TEXTS}), file)
    return file.getvalue()


def stream(table: pa.Table, file: io.BytesIO) -> None:
    with ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


FOREIGN: dict[str, tuple[Callable[[], bytes], str]] = {
    "t.zip": (zipped, "empty ZIP archive"),
    "t.tar": (tarred, "tar archive; unpack it"),
    "t.tar.gz": (lambda: gzip.compress(tarred()), "tar archive; unpack it"),
    "t.txt.gz": (lambda: gzip.compress(gzip.compress(b"twice")), "compressed twice; decompress it"),
    "t.7z": (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(50), "7z archive"),
    "t.rar": (lambda: b"Rar!\x1a\x07\x01\x00" + bytes(50), "RAR archive"),
    "t.jsonl.lz4": (lambda: b"\x04\x22\x4d\x18" + b"words " * 50, "LZ4"),
    "t.Z": (lambda: b"\x1f\x9d\x90" + b"words " * 50, "compress"),
    "t.lz": (lambda: b"LZIP\x01" + b"words " * 50, "lzip"),
    "t.orc": (lambda: arrow(orc.write_table), "ORC file; save it as Parquet"),
    "t.feather": (lambda: arrow(feather.write_feather), "Arrow file; save it as Parquet"),
    "t.arrows": (lambda: arrow(stream), "Arrow stream; save it as Parquet"),
    "t.avro": (lambda: b"Obj\x01\x04\x14avro.codec\x08null" + b"words " * 50, "Avro file"),
    "t.rtf": (lambda: rb"{\rtf1\ansi Hello}", "RTF document; save it as text"),
    "t.pdf": (lambda: b"\n%PDF-1.4 " + bytes(100), "PDF; convert it"),
    "t.pst": (lambda: b"!BDN" + bytes(100), "Outlook"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_format_that_is_not_read_is_named_with_what_to_do(write: Write, name: str) -> None:
    made, said = FOREIGN[name]
    with pytest.raises(UnreadableInputError, match=said) as caught:
        read_all(write(name, made()))
    assert "--encoding" not in str(caught.value)


@pytest.mark.parametrize("text", ["ORC and elves", "ID3 is a tag", "LZIP it", "RIFF, he played", "ARROW1 was shot"])
def test_a_text_may_begin_like_another_format(write: Write, text: str) -> None:
    assert read_all(write("t.txt", text)).texts == [text]


def test_what_a_folder_hides_is_counted(write: Write, tmp_path: Path) -> None:
    write(".hidden.txt", "hidden")
    write(".Sent/cur/1", "From: a@example.org\nSubject: x\n\nhidden, too")
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    left_out = {"hidden file or folder": 2, "link to a folder": 1}
    with pytest.raises(EmptyCollectionError, match="left out: 2 × hidden file or folder, 1 × link to a folder"):
        read_all(tmp_path / "in")
    write("a.txt", "A letter on ships.")
    assert read_all(tmp_path / "in").left_out == left_out
    assert survey([str(tmp_path / "in")]).remarks.left_out == left_out
    assert read_all(tmp_path / "in" / ".hidden.txt").texts == ["hidden"]


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.mbox"])
def test_a_file_that_grows_has_an_end(write: Write, name: str) -> None:
    rows = {
        "t.jsonl": [json.dumps(row) + "\n" for row in ROWS],
        "t.csv": ["id,text\n", *(f"{row['id']},{row['text']}\n" for row in ROWS)],
        "t.mbox": [f"From a@b Sat Apr  5 10:00:00 2031\nFrom: a@b\nTo: c@d\n\n{row['text']}\n\n" for row in ROWS],
    }[name]
    path = write(name, "".join(rows))
    batches = read_collection([str(path)], ReadOptions(batch_rows=1))
    count = next(batches).documents.num_rows
    for batch in batches:
        count += batch.documents.num_rows
        with path.open("a") as file:
            file.write(rows[-1])
    assert count == len(ROWS)


@given(st.text(st.sampled_from("ab \n\t\r\u3000é\u2028"), max_size=60), st.integers(1, 9))
def test_the_digest_of_a_long_text_is_that_of_its_words(text: str, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_DIGESTED_AT_ONCE", at_once)
        assert reading.text_digest(text) == blake3(" ".join(text.split()).encode()).digest(16)


def test_a_name_that_is_empty_is_shown() -> None:
    with pytest.raises(UnreadableInputError, match="cannot read ''"):
        read_all("")
