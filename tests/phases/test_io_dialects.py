"""Tables of delimited text, in all the ways in which they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from eopiez_ray.errors import UnknownColumnError, UnreadableInputError
from tests.reading import Reading, read_all

ROWS = [f"The harbour was quiet on day {day}." for day in range(1, 31)]


def read(folder: Path, name: str, content: str | bytes, **options: str) -> Reading:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_all(path, **options)


def lines(delimiter: str = ",", *, title: bool = True) -> str:
    header = delimiter.join(["id", "text", "stars"]) + "\n" if title else ""
    return header + "".join(f"{day}{delimiter}{row}{delimiter}5\n" for day, row in enumerate(ROWS, 1))


@pytest.mark.parametrize("stray", ['"{}', '{}"', '"', '""{}', '{} "so', '"{}" he said', '"a" "b" {}'])
@pytest.mark.parametrize(("name", "delimiter"), [("t.tsv", "\t"), ("t.csv", ","), ("t.csv", "|")])
@pytest.mark.parametrize("at", [0, 13, 29])
def test_stray_quote_costs_no_other_row(tmp_path: Path, name: str, delimiter: str, stray: str, at: int) -> None:
    changed = lines(delimiter).replace(ROWS[at], stray.format(ROWS[at]))
    found = read(tmp_path, name, changed)
    assert len(found.rows) + len(found.rejects) == len(ROWS)
    assert set(ROWS) - set(found.texts) <= {ROWS[at]}
    assert all(reject.source == f"{name}:{at + 2}" for reject in found.rejects)


def test_two_stray_quotes_glue_nothing_between_them(tmp_path: Path) -> None:
    changed = lines().replace(ROWS[4], '"' + ROWS[4]).replace(f"{ROWS[20]},5", f'{ROWS[20]},5"')
    found = read(tmp_path, "t.csv", changed)
    assert len(found.rows) + len(found.rejects) == len(ROWS)
    assert set(ROWS) - set(found.texts) <= {ROWS[4], ROWS[20]}


def test_rows_without_ids_are_not_glued_either(tmp_path: Path) -> None:
    rows = [f"Anna,{row},sea" for row in ROWS]
    rows[4], rows[20] = rows[4].replace("Anna,", 'Anna,"'), rows[20].replace("sea", 'a 12"')
    found = read(tmp_path, "t.csv", "name,text,where\n" + "\n".join(rows))
    assert len(found.rows) + len(found.rejects) == len(ROWS)
    assert set(ROWS) - set(found.texts) <= {ROWS[4], ROWS[20]}


def test_rows_read_as_they_stand_are_told(tmp_path: Path) -> None:
    found = read(tmp_path, "t.csv", lines().replace(ROWS[4], '"' + ROWS[4]))
    assert found.texts[4] == '"' + ROWS[4]
    assert found.mended == {"a quote in it does not fit; the row was read as it stands": 1}


def test_lines_that_fit_in_no_way_are_rejected_with_their_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "t.csv", 'id,text\n1,one\n2,"open\nand, so, on\nmore\n3,"three"\n')
    assert found.texts == ["one", "three"]
    assert "(lines 3 to 5)" in found.rejects[0].reason


def test_quoted_text_of_many_lines_stays_one(tmp_path: Path) -> None:
    text = "\n".join(f"{n}, a line of a poem, and more" for n in range(3_000))
    found = read(tmp_path, "t.csv", f'id,text\na,"{text}"\nb,end\n')
    assert found.texts == [text, "end"]


def test_tabbed_table_has_no_quoting_unless_it_clearly_is_quoted(tmp_path: Path) -> None:
    plain = '1\t"Stop!"\n2\t"Go\n3\tshe said "no"\n'
    assert read(tmp_path, "a.tsv", "id\ttext\n" + plain).texts == ['"Stop!"', '"Go', 'she said "no"']
    for quoted in ('1\t"a ""b"" c"\n', '1\t"a\nb"\n2\tx\n', '"1"\t"x"\n"2"\t"y"\n"3"\t"z"\n'):
        assert '"a ""' not in read(tmp_path, "b.tsv", "id\ttext\n" + quoted).texts[0]
        assert not read(tmp_path, "b.tsv", "id\ttext\n" + quoted).texts[0].startswith('"')


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~"])
def test_quotes_escaped_by_backslashes_are_told_from_doubled_ones(tmp_path: Path, delimiter: str) -> None:
    content = f'id{delimiter}text\n1{delimiter}"She said \\"no{delimiter} thanks\\" twice"\n2{delimiter}"C:\\\\new"\n'
    found = read(tmp_path, "t.csv", content)
    assert found.texts == [f'She said "no{delimiter} thanks" twice', "C:\\new"]
    doubled = f'id{delimiter}text\n1{delimiter}"a ""b"" c:\\d\\"\n2{delimiter}"x"\n'
    assert read(tmp_path, "t.csv", doubled).texts == ['a "b" c:\\d\\', "x"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "above",
    ["", "sep=;\n", "Report of 2031\n\n", "# made, by; hand\n#\n", "\n\n", "Harbour;;\nQuiet days;;\n;;\n"],
)
def test_header_is_found_below_other_lines(tmp_path: Path, above: str, end: str, encoding: str) -> None:
    found = read(tmp_path, "t.csv", (above + lines(";")).replace("\n", end).encode(encoding))
    assert found.texts == ROWS
    assert sum(found.left_out.values()) == above.count("\n")
    assert not found.rejects


def test_first_line_that_is_no_header_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match="line 1 is no header: it has 2 fields, and the rows below it 3"):
        read(tmp_path, "t.csv", "id,text\n" + lines(title=False))
    (tmp_path / "good.txt").write_text("good")
    assert len(read_all(tmp_path / "t.csv", tmp_path / "good.txt").rejects) == 1


def test_columns_of_one_name_are_told_and_can_both_be_named(tmp_path: Path) -> None:
    content = "id,text,text,text.2\n1,first,second,third\n"
    assert read(tmp_path, "t.csv", content).texts == ["first"]
    assert any("'text.3'" in what for what in read(tmp_path, "t.csv", content).mended)
    assert read(tmp_path, "t.csv", content, text_column="text.3").texts == ["second"]
    assert read(tmp_path, "t.csv", content, text_column="text.2").texts == ["third"]
    with pytest.raises(UnknownColumnError):
        read(tmp_path, "t.csv", content, text_column="text.4")


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.mbox", "unnamed"])
def test_one_nul_costs_a_row_at_most(tmp_path: Path, name: str) -> None:
    rows = {
        "t.csv": lines(),
        "t.tsv": lines("\t"),
        "t.jsonl": "".join(f'{{"text": "{row}"}}\n' for row in ROWS),
        "t.mbox": "".join(f"From a@b Sat Apr 05 10:00:00 2031\nSubject: x\nFrom: a\n\n{row}\n\n" for row in ROWS),
        "unnamed": lines(),
    }[name]
    found = read(tmp_path, name, rows.replace("day 7", "day\0 7"))
    assert len(found.rows) + len(found.rejects) == len(ROWS)
    assert {row.strip() for row in ROWS} - {text.strip() for text in found.texts} <= {ROWS[6]}


def test_one_column_needs_no_quotes(tmp_path: Path) -> None:
    found = read(tmp_path, "t.csv", "text\nHello, world\nplain\none, two, three\n")
    assert found.texts == ["Hello, world", "plain", "one, two, three"]
