"""Reading collections: every format, and everything that can be wrong with a file."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import pickle
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from eopiez_ray.errors import (
    EmptyCollectionError,
    InputError,
    ParameterError,
    UnknownColumnError,
    UnreadableInputError,
)
from eopiez_ray.model.tasks import Reject
from eopiez_ray.phases.io import ReadOptions, read_collection, spool, survey, text_digest
from eopiez_ray.phases.io.encodings import detect_encoding
from eopiez_ray.phases.io.prose import html_text
from eopiez_ray.phases.io.records import parse_time
from eopiez_ray.phases.schemas import DOCUMENTS

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def read(*inputs: Path | str, **options: Any) -> tuple[list[dict[str, Any]], list[Reject]]:
    batches = list(read_collection([str(given) for given in inputs], ReadOptions(**options)))
    for batch in batches:
        assert batch.documents.schema == DOCUMENTS
        batch.documents.validate(full=True)
    rows = [row for batch in batches for row in batch.documents.to_pylist()]
    return rows, [reject for batch in batches for reject in batch.rejects]


def texts(*inputs: Path | str, **options: Any) -> list[str]:
    return [row["text"] for row in read(*inputs, **options)[0]]


def test_folder_is_read_recursively_in_order_with_subfolders_as_labels(write: Write, tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/deep/3.txt", "a/1.txt", "top.txt", ".hidden/x.txt", "a/.secret"):
        write(name, f"text of {name}")
    rows, rejects = read(tmp_path / "in")
    assert [(row["document_id"], row["label"]) for row in rows] == [
        ("a/1.txt", "a"),
        ("b/2.txt", "b"),
        ("b/deep/3.txt", "b"),
        ("top.txt", None),
    ]
    assert not rejects


def test_globs_and_overlapping_inputs_give_each_file_once(write: Write, tmp_path: Path) -> None:
    one, _ = write("a/1.txt", "one"), write("b/2.md", "two")
    rows, _ = read(tmp_path / "in", one, f"{tmp_path}/in/**/*.md")
    assert sorted(row["source"] for row in rows) == ["in/a/1.txt", "in/b/2.md"]
    assert texts(f"{tmp_path}/in/*/*.md") == ["two"]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson"])
def test_json_lines_use_known_columns(write: Write, name: str) -> None:
    row = {"ID": 7, "body": "héllo", "headline": "T", "created_at": "2024-05-06T07:08:09+02:00", "category": ["x", "y"]}
    path = write(name, json.dumps(row) + "\n\n" + json.dumps({"body": ""}) + "\n")
    rows, rejects = read(path)
    assert not rejects
    assert rows[0] == {
        "document_id": "7",
        "text": "héllo",
        "title": "T",
        "source": f"{name}:1",
        "time": datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC),
        "label": "x, y",
        "digest": text_digest("héllo"),
    }
    assert rows[1]["text"] == ""
    assert rows[1]["document_id"] == f"{name}:3"


def test_bad_json_lines_are_rejected_with_their_place(write: Write) -> None:
    bad = b'{"text": oops}\n[1]\n{"text": 5}\n{"text": null}\n{"other": 1}\n{"text": "\xff\xfe broken"}\n'
    good = '{"text": "good é, ça été"}\n'.encode()
    path = write("mixed.jsonl", good + bad + b"[" * 100_000 + b"\n" + good)
    rows, rejects = read(path)
    assert len(rows) == 2
    assert [reject.source for reject in rejects] == [f"mixed.jsonl:{line}" for line in range(2, 9)]
    reasons = [reject.reason for reject in rejects]
    for reason, part in zip(
        reasons,
        ["not JSON", "a list", "a number", "no 'text'", "no 'text'", "invalid", "nested"],
        strict=True,
    ):
        assert part in reason
    assert all(len(reject.sample) <= 200 and reject.sample.isprintable() for reject in rejects)


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"meta": {"n": 3}, "articles": rows}])
def test_json_array_is_streamed(write: Write, wrap: Callable[[Any], Any]) -> None:
    rows = [{"text": f"row {i} " + "é" * 300_000} for i in range(12)]
    path = write("rows.json", json.dumps(wrap(rows), indent=1, ensure_ascii=False))
    assert texts(path) == [row["text"] for row in rows]


def test_json_forms_strings_sequences_and_one_object(write: Write) -> None:
    assert texts(write("a.json", '["one", "two"]')) == ["one", "two"]
    assert texts(write("b.json", '{"text": "one"}\n{"text": "two"}')) == ["one", "two"]
    assert texts(write("c.json", '{\n "text": "single",\n "tags": []\n}')) == ["single"]


def test_broken_json_array_keeps_what_came_before(write: Write) -> None:
    rows, rejects = read(write("cut.json", '[{"text": "a"}, {"text": "b"}, {"text": "c'))
    assert [row["text"] for row in rows] == ["a", "b"]
    assert rejects[0].source == "cut.json:3"
    rows, rejects = read(write("bad.json", '[{"text": "a"}, {"text": nope}, ' + '{"text": "c"},' * 200_000 + "]"))
    assert len(rows) == 200_001
    assert [(reject.source, reject.reason[:23]) for reject in rejects] == [("bad.json:2", "the element is not JSON")]
    rows, rejects = read(write("deep.json", '[{"text": "a"}, ' + "[" * 9_000 + "]" * 9_000 + ', {"text": "b"}]'))
    assert ([row["text"] for row in rows], len(rejects)) == (["a", "b"], 1)


@pytest.mark.parametrize(("delimiter", "name"), [(",", "t.csv"), (";", "t.csv"), ("\t", "t.tsv"), ("|", "t.csv")])
def test_tables_find_their_delimiter_and_keep_lines_inside_quotes(write: Write, delimiter: str, name: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows([["id", "text", "date"], ["a", f"one{delimiter}\ntwo", "2024/2/7"], ["b", 'say "x"', "never"]])
    rows, rejects = read(write(name, file.getvalue()))
    assert not rejects
    assert [row["text"] for row in rows] == [f"one{delimiter}\ntwo", 'say "x"']
    assert [row["source"] for row in rows] == [f"{name}:2", f"{name}:4"]
    assert rows[0]["time"] == datetime(2024, 2, 7, tzinfo=UTC)
    assert rows[1]["time"] is None


def test_ragged_rows_are_rejected_and_the_rest_read(write: Write) -> None:
    rows, rejects = read(write("r.csv", "id,text\n1,fine\n2\n3,too,many\n4,\n5,ok\n"))
    assert [row["text"] for row in rows] == ["fine", "", "ok"]
    assert [(reject.source, reject.reason[:9]) for reject in rejects] == [
        ("r.csv:3", "the row h"),
        ("r.csv:4", "the row h"),
    ]


def test_open_quote_is_named_as_the_likely_cause(write: Write) -> None:
    path = write("q.csv", 'id,text\n1,fine\n2,"open\n' + "3,row\n" * 100)
    rows, rejects = read(path)
    assert [row["document_id"] for row in rows][:1] == ["1"]
    assert not rejects or "quote" in rejects[0].reason


def test_table_without_names_takes_its_longest_column(write: Write) -> None:
    prose = "It was a bright cold day in April, and the clocks were striking thirteen. " * 3
    rows, _ = read(write("n.csv", f'x1,"{prose}"\nx2,"{prose}"\n'))
    assert len(rows) == 2
    rows, _ = read(write("u.csv", f'code,blurb\nx1,"{prose}"\n'))
    assert rows[0]["text"] == prose


def test_parquet_gives_rows_and_rejects_nulls(write: Write, tmp_path: Path) -> None:
    table = pa.table(
        {
            "content": ["one", None, "three"],
            "uuid": [1, 2, 3],
            "timestamp": pa.array([1_700_000_000_123_456_789] * 3, pa.timestamp("ns")),
            "embedding": [[0.1], [0.2], [0.3]],
            "label": pa.array(["a", "b", "a"]).dictionary_encode(),
        }
    )
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, row_group_size=2)
    rows, rejects = read(path)
    assert [(row["document_id"], row["text"], row["label"]) for row in rows] == [("1", "one", "a"), ("3", "three", "a")]
    assert rows[0]["time"] == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert [reject.source for reject in rejects] == ["t.parquet:2"]


def _mail(subject: str, text: str, charset: str = "utf-8", html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["Message-ID"] = subject, "a@example.org", f"<{hash(text)}@x>"
    message["Date"] = "Tue, 06 Aug 2002 11:52:17 +0200"
    message.set_content(text, charset=charset)
    if html is not None:
        message.add_alternative(html, subtype="html")
    message.add_attachment(b"\0\1", maintype="application", subtype="octet-stream", filename="x.bin")
    return message


def test_mailbox_gives_subject_text_and_time(write: Write) -> None:
    mails = [_mail("Grüße", "Schöne Grüße\n", "iso-8859-1", "<p>no</p>"), _mail("Second", "More\n")]
    box = b"".join(b"From a@example.org Tue Aug  6 11:52:17 2002\n" + bytes(mail) + b"\n" for mail in mails)
    for name in ("all.mbox", "Inbox"):
        rows, rejects = read(write(name, box))
        assert not rejects
        assert [(row["title"], row["text"].strip()) for row in rows] == [("Grüße", "Schöne Grüße"), ("Second", "More")]
        assert rows[0]["time"] == datetime(2002, 8, 6, 9, 52, 17, tzinfo=UTC)
        assert [row["source"] for row in rows] == [f"{name}:1", f"{name}:2"]


def test_mail_that_calls_its_page_plain_text_shows_the_text(write: Write) -> None:
    head = "From: a@b.example\nSubject: Offer\nContent-Type: text/plain\n\n"
    assert texts(write("offer.eml", head + "\n<HTML><BODY><font size=2>Fresh fish</font></BODY></HTML>")) == [
        "Fresh fish"
    ]


def test_text_file_that_a_mail_server_wrote_is_read_as_mail(write: Write) -> None:
    head = "Received: from a by b\nFrom: Ann <ann@example.org>\nSubject: Tide tables\n\n"
    rows, _ = read(write("mails/1.txt", head + "High water at noon."))
    assert [(row["title"], row["text"].strip()) for row in rows] == [("Tide tables", "High water at noon.")]


def test_text_file_with_a_letters_head_stays_text(write: Write) -> None:
    letter = "From: Ann\nSubject: Tide tables\n\nHigh water at noon."
    assert texts(write("letter.txt", letter)) == [letter]


def test_single_mail_without_plain_text_shows_its_html(write: Write) -> None:
    head = "From: a\nSubject: =?broken?\nDate: nonsense\nContent-Type: text/html; charset=nowhere\n\n"
    rows, _ = read(write("m.eml", head.encode() + "<p>Où <b>es</b>-tu</p><p>là</p>".encode("latin-1")))
    assert rows[0]["text"] == "Où es-tu\nlà"
    assert rows[0]["time"] is None


def test_html_keeps_what_is_seen() -> None:
    page = "<html><head><title>T</title><style>p{}</style></head><body>a<p>b<b>o</b>ld &amp; x</p>after<br>next"
    assert html_text(page + "<script>evil()</script><ul><li>1<li>2</ul>end") == "a\nbold & x\nafter\nnext\n1\n2\nend"
    assert html_text("") == ""
    assert html_text("<div>" * 5_000 + "deep") == "deep"


def test_html_page_gives_title_time_and_declared_encoding(write: Write) -> None:
    page = '<meta charset="windows-1251"><title>Привет</title><meta name="date" content="2020-01-02"><p>мир</p>'
    rows, _ = read(write("p.html", page.encode("cp1251")))
    assert (rows[0]["title"], rows[0]["text"]) == ("Привет", "мир")
    assert rows[0]["time"] == datetime(2020, 1, 2, tzinfo=UTC)


def test_markdown_and_text_titles(write: Write) -> None:
    assert read(write("a.md", "intro\n# Head #\nbody"))[0][0]["title"] == "Head"
    assert read(write("a.txt", "A short title\n\nThen prose."))[0][0]["title"] == "A short title"
    assert read(write("b.txt", "Prose that goes on\nand on."))[0][0]["title"] is None


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".gz", gzip.compress),
        (".zst", zstandard.ZstdCompressor().compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        ("", gzip.compress),
    ],
)
def test_compressed_files_are_read_by_their_content(
    write: Write, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    first = b'{"text": "plain"}\n' * 5_000  # More than a sniffed head, all ASCII, before the first telling byte.
    data = first + '{"text": "café"}\n'.encode()
    assert texts(write(f"r.jsonl{suffix}", compress(data)))[-1] == "café"
    assert texts(write(f"t.txt{suffix}", compress(b"one document"))) == ["one document"]


def test_compressed_members_one_after_the_other_are_all_read(write: Write) -> None:
    compressors: list[Callable[[bytes], bytes]] = [gzip.compress, zstandard.ZstdCompressor().compress]
    for compress in compressors:
        parts = [compress(f'{{"text": "{i}"}}\n'.encode()) for i in range(3)]
        assert texts(write("m.jsonl.z", b"".join(parts))) == ["0", "1", "2"]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress, lzma.compress])
def test_truncated_compression_keeps_the_rows_before(write: Write, compress: Callable[[bytes], bytes]) -> None:
    lines = "".join(f'{{"text": "{os.urandom(40).hex()}"}}\n' for _ in range(30_000))
    write("other.txt", "fine")
    data = compress(lines.encode())
    path = write("cut.jsonl.z", data[: len(data) * 3 // 4])
    rows, rejects = read(path, path.parent / "other.txt")
    assert len(rows) > 1_000
    assert rejects[-1].source == "cut.jsonl.z"
    assert "too early" in rejects[-1].reason
    assert read(path)[0] == read(path, path.parent / "other.txt")[0][:-1]
    path.write_bytes(data[:40])
    with pytest.raises(UnreadableInputError, match="too early"):
        read(path)


LANGUAGES = {
    "cp1252": "L'été est arrivé à la forêt : déjà vu, où êtes-vous ? C’est “très” bien.",
    "latin-1": "Größe und Übermut tun selten gut, sagte der Bäcker zu seiner Frau für fünf Äpfel.",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy. Každý člověk má právo na život a svobodu.",
    "cp1251": "Привет мир, как дела сегодня. Мы пришли к выводу, что это очень важный вопрос.",
    "koi8-r": "Привет мир, как дела сегодня. Мы пришли к выводу, что это очень важный вопрос.",
    "cp1253": "Καλημέρα κόσμε, πώς είστε σήμερα; Η απάντηση είναι απλή και όλοι τη γνωρίζουν.",
    "shift_jis": "日本語のテキストです。これはテストです。漢字とひらがなとカタカナがあります。",
    "euc_jp": "日本語のテキストです。これはテストです。漢字とひらがなとカタカナがあります。",
    "gb18030": "这是一个中文文本，用于测试编码。我们都知道这个问题的答案，但是没有人愿意说出来。" * 4,
    "cp949": "한국어 텍스트입니다 우리는 모두 답을 알고 있습니다",
    "utf-8": "Ünïcödé 日本",
    "utf-8-sig": "with a mark é",
    "utf-16": "wide text, é 日本",
    "utf-16-le": "wide text that nothing announces",
    "utf-32": "very wide é",
}


@pytest.mark.parametrize("encoding", LANGUAGES)
def test_encodings_are_detected(write: Write, encoding: str) -> None:
    text = LANGUAGES[encoding]
    assert texts(write("t.txt", text.encode(encoding))) == [text]
    table = "id,text\r\n1,short\r\n" + f'2,"{text}"\r\n' * 3
    assert texts(write("t.csv", table.encode(encoding)))[-1] == text


def test_bytes_that_cp1252_lacks_do_not_lose_a_document(write: Write) -> None:
    assert texts(write("t.txt", b"in the caf\xe9 a na\xefve \x81 young r\xe9sum\xe9"))[0].endswith(
        "naïve \x81 young résumé"
    )


@pytest.mark.parametrize("text", ["lost: \ufffd\ufffd\ufffd, kept: é", "\ufffd", "naïve \ufffd"])
def test_replacement_characters_of_the_text_itself_are_utf8(write: Write, text: str) -> None:
    assert detect_encoding(text.encode()) == "utf-8"
    assert texts(write("t.txt", text)) == [text]


def test_last_letter_alone_can_tell_an_old_encoding(write: Write) -> None:
    assert texts(write("t.txt", "le café".encode("latin-1"))) == ["le café"]


def test_damaged_utf8_text_is_rejected_and_named_encoding_helps(write: Write) -> None:
    data = "é".encode() * 50 + b"\xff" + b" end"
    path = write("d.txt", data)
    write("ok.txt", "ok")
    rows, rejects = read(path.parent)
    assert [row["text"] for row in rows] == ["ok"]
    assert "byte 100" in rejects[0].reason
    assert texts(path, encoding="latin-1")[0].endswith("ÿ end")
    with pytest.raises(ParameterError, match="--encoding"):
        read(path, encoding="klingon")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_detected_as_some_encoding_python_has(data: bytes) -> None:
    data.decode(detect_encoding(data), "replace")


def test_binary_files_are_rejected_with_their_kind(write: Write, tmp_path: Path) -> None:
    write("a.pdf", b"%PDF-1.7 \xff")
    write("b.docx", b"PK\x03\x04....")
    write("c.bin", bytes(range(256)) * 10)
    write("d.txt", "fine")
    rows, rejects = read(tmp_path / "in")
    assert [row["text"] for row in rows] == ["fine"]
    assert [reject.reason.split(",")[0] for reject in rejects] == [
        "it is a PDF",
        "it is a ZIP archive or an office document",
        "it is a binary file",
    ]
    with pytest.raises(UnreadableInputError, match="pdftotext"):
        read(tmp_path / "in" / "a.pdf")


def test_unreadable_files_among_others_are_rejects(write: Write, tmp_path: Path) -> None:
    write("ok.txt", "ok")
    (tmp_path / "in" / "dangling.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    os.mkfifo(tmp_path / "in" / "pipe")
    rows, rejects = read(tmp_path / "in")
    assert [row["text"] for row in rows] == ["ok"]
    assert [reject.source for reject in rejects] == ["dangling.txt", "pipe"]


def test_missing_inputs_say_what_may_be_meant(write: Write, tmp_path: Path) -> None:
    write("reviews.csv", "text\nx\n")
    with pytest.raises(UnreadableInputError, match=r"did you mean .*reviews\.csv"):
        read(tmp_path / "in" / "review.csv")
    with pytest.raises(UnreadableInputError, match="matches no file"):
        read(f"{tmp_path}/in/*.parquet")
    with pytest.raises(UnreadableInputError, match="spool"):
        read("-")


def test_unknown_columns_name_the_option_and_the_nearest(write: Write) -> None:
    path = write("t.csv", "id,comment_text,stars\n1,good,5\n")
    with pytest.raises(UnknownColumnError, match=r"--text-column \(did you mean 'comment_text'\?\)") as caught:
        read(path, text_column="comment_txt")
    assert caught.value.available == ["id", "comment_text", "stars"]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(UnknownColumnError, match="--text-column"):
        read(path)
    assert texts(path, text_column="Comment-Text") == ["good"]
    for role in ("id", "time", "label", "title"):
        with pytest.raises(UnknownColumnError, match=f"--{role}-column"):
            read(path, text_column="comment_text", **{f"{role}_column": "nope"})


def test_nothing_to_analyse_says_why(write: Write, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptyCollectionError, match="nothing to analyse"):
        read(tmp_path / "empty")
    with pytest.raises(EmptyCollectionError):
        read(write("head.csv", "id,text\n"))
    with pytest.raises(EmptyCollectionError, match="line is not JSON"):
        read(write("bad.jsonl", "nope\n" * 9_000))
    with pytest.raises(EmptyCollectionError):
        read(write("none.jsonl", ""))
    assert texts(write("empty.txt", "")) == [""]


def test_repeated_ids_stay_apart(write: Write) -> None:
    ids = ["a", "a", "a#2", "a", None, "b"]
    rows, _ = read(write("i.jsonl", "".join(json.dumps({"id": i, "text": "t"}) + "\n" for i in ids)))
    assert [row["document_id"] for row in rows] == ["a", "a#2", "a#2#2", "a#3", "i.jsonl:5", "b"]


def test_digest_ignores_white_space_only() -> None:
    assert text_digest("a  b\n\tc ") == text_digest("a b c") != text_digest("a bc")


def test_batches_are_cut_by_size_and_can_be_skipped(write: Write) -> None:
    path = write("many.jsonl", "".join(json.dumps({"text": f"row {i}" + "x" * (i % 7)}) + "\n" for i in range(1_000)))
    options = ReadOptions(batch_rows=64, batch_characters=500)
    whole = list(read_collection([str(path)], options))
    assert all(batch.documents.num_rows <= 64 for batch in whole)
    again = list(read_collection([str(path)], options, start=5))
    assert [batch.documents for batch in again] == [batch.documents for batch in whole[5:]]
    assert list(read_collection([str(path)], options, start=len(whole))) == []


def test_stdin_is_spooled_whole(tmp_path: Path) -> None:
    path = spool(io.BytesIO(b"id\ttext\n1\tfrom a pipe\n"), tmp_path)
    rows, _ = read(path)
    assert (rows[0]["text"], rows[0]["source"]) == ("from a pipe", "stdin:2")
    assert [entry.name for entry in tmp_path.iterdir()] == ["stdin"]
    with pytest.raises(UnreadableInputError, match="empty"):
        spool(io.BytesIO(b""), tmp_path / ".")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"text": "lines"}\n{"text": "more"}\n', ["lines", "more"]),
        ('[\n{"text": "array"}]', ["array"]),
        ("title;body\na;semicolons\nb;rows\n", ["semicolons", "rows"]),
        ("Just prose, with commas, and\nmore, of, it.\n", ["Just prose, with commas, and\nmore, of, it.\n"]),
        ("[a note in brackets]\n", ["[a note in brackets]\n"]),
        ("<!DOCTYPE html><p>page", ["page"]),
        ("Subject: hi\nFrom: me\n\nmail\n", ["mail\n"]),
    ],
)
def test_unnamed_formats_are_sniffed(write: Write, content: str, expected: list[str]) -> None:
    assert texts(write("stdin", content)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-06", datetime(2024, 5, 6, tzinfo=UTC)),
        ("2024-05-06T07:08:09Z", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("Tue, 06 Aug 2002 11:52:17 +0200", datetime(2002, 8, 6, 9, 52, 17, tzinfo=UTC)),
        ("12/25/2023", datetime(2023, 12, 25, tzinfo=UTC)),
        ("25/12/2023 10:30", datetime(2023, 12, 25, 10, 30, tzinfo=UTC)),
        ("March 5, 2021", datetime(2021, 3, 5, tzinfo=UTC)),
        (1_700_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (2019.0, datetime(1970, 1, 1, 0, 33, 39, tzinfo=UTC)),
        ("2019", datetime(2019, 1, 1, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
        (float("nan"), None),
        (1e300, None),
    ],
)
def test_times_are_understood(value: object, expected: datetime | None) -> None:
    assert parse_time(value) == expected


def test_survey_tells_formats_columns_and_counts(write: Write, tmp_path: Path) -> None:
    write("t.csv", "id,body,when\n" + "1,some text,x\n" * 100)
    write("u.txt", "text")
    write("v.pdf", b"%PDF")
    big = "".join(json.dumps({"text": f"row {i} of many"}) + "\n" for i in range(100_000))
    write("w.jsonl", big)
    found = survey([str(tmp_path / "in")])
    by_format = {part.format.value: part for part in found.formats}
    assert by_format["csv"].used == {"text": "body", "id": "id"}
    assert by_format["csv"].columns == ("id", "body", "when")
    assert by_format["csv"].documents == 100
    assert by_format["jsonl"].documents == pytest.approx(100_000, rel=0.1)
    assert found.is_estimate
    assert [problem.source for problem in found.problems] == ["v.pdf"]
    assert found.bytes > len(big)


def test_a_huge_document_is_one_batch_of_its_own(write: Write) -> None:
    huge = "word and more words. " * 2_500_000
    path = write("huge.jsonl", json.dumps({"text": "small"}) + "\n" + json.dumps({"text": huge}) + '\n{"text": "x"}\n')
    sizes = [batch.documents.num_rows for batch in read_collection([str(path)])]
    assert sizes == [2, 1]
    assert len(texts(write("huge.txt", huge))[0]) == len(huge)


def test_tiny_rows_are_fast(write: Write) -> None:
    line = json.dumps({"id": 1, "text": "a tiny row", "date": "2024-01-01"}) + "\n"
    path = write("tiny.jsonl", line * 30_000)
    started = time.process_time()
    rows = sum(batch.documents.num_rows for batch in read_collection([str(path)]))
    assert rows == 30_000
    assert time.process_time() - started < 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), min_size=1, max_size=20))
def test_any_text_survives_json_lines(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    path = tmp_path_factory.mktemp("any") / "t.jsonl"
    path.write_text("".join(json.dumps({"text": value}, ensure_ascii=False) + "\n" for value in values), "utf-8")
    assert texts(path) == values


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=600), st.sampled_from(["t.jsonl", "t.json", "t.csv", "t.html", "t.eml", "t.mbox", "t", "t.gz"])
)
def test_no_bytes_raise_anything_but_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        read(path)
