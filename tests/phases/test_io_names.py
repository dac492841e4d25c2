"""Files of any name and kind are read, or are one reject; names are shown escaped."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from eopiez_ray.errors import InputError, UnknownColumnError, UnreadableInputError
from eopiez_ray.model.names import shown
from eopiez_ray.phases.io import portable, survey
from eopiez_ray.phases.pipeline import content_plan
from tests.reading import read_all

NAMES = {
    b"caf\xe9.txt": "caf\\xe9.txt",
    b"\xff\xfe.txt": "\\xff\\xfe.txt",
    b"two\nlines.txt": "two\\nlines.txt",
    b"\x1b[31mred.txt": "\\x1b[31mred.txt",
    "\u202etxt.exe.txt".encode(): "\\u202etxt.exe.txt",
    "größe 日本 🙂.txt".encode(): "größe 日本 🙂.txt",
}


def made(folder: Path, name: bytes, content: bytes = b"The harbour was quiet.") -> str:
    path = os.path.join(os.fsencode(folder), name)  # noqa: PTH118
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(content)
    return os.fsdecode(path)


@pytest.mark.parametrize("name", NAMES)
def test_file_of_any_name_is_read_and_shown_escaped(tmp_path: Path, name: bytes) -> None:
    path = made(tmp_path / "in", b"d\xe9p\xf4t/" + name)
    for given in (tmp_path / "in", path, portable(path), os.fsdecode(tmp_path / "in") + "/*/*.txt"):
        row = read_all(given).rows[0]
        assert row["source"].endswith(NAMES[name])
        assert row["document_id"] == row["source"]
    assert read_all(tmp_path / "in").rows[0]["label"] == "d\\xe9p\\xf4t"


@pytest.mark.parametrize("name", NAMES)
def test_name_of_a_bad_file_can_be_printed_and_stored(tmp_path: Path, name: bytes) -> None:
    made(tmp_path, b"good.txt")
    path = made(tmp_path, name.replace(b".txt", b".jsonl"), b"{nope\n")
    expected = NAMES[name].replace(".txt", ".jsonl")
    assert [reject.source for reject in read_all(tmp_path).rejects] == [f"{expected}:1"]
    assert survey([str(tmp_path)]).problems[0].source == f"{expected}:1"
    for given in (path, path + "x", path + "/*.txt"):
        with pytest.raises(InputError) as caught:
            read_all(given)
        assert shown(str(caught.value)) == str(caught.value)


def test_plan_of_any_names_is_json(tmp_path: Path) -> None:
    paths = [made(tmp_path, name) for name in NAMES]
    step = content_plan(paths, tmp_path / "out").spec().steps[0]
    inputs = json.loads(json.dumps(step.parameters).encode().decode())["inputs"]
    assert len(read_all(*inputs).rows) == len(NAMES)
    assert portable("/plain/ name.txt") == "/plain/ name.txt"


def test_column_that_cannot_be_printed_is_named_escaped(tmp_path: Path) -> None:
    path = made(tmp_path, b"t.jsonl", b'{"te\\ud800xt\\u001b": 1, "n": 2}\n')
    with pytest.raises(UnknownColumnError) as caught:
        read_all(path)
    assert "te\ufffdxt\\x1b" in str(caught.value)


def test_what_is_no_file_is_one_reject_each(tmp_path: Path) -> None:
    made(tmp_path, b"ok.txt")
    made(tmp_path, b"folder.txt/inside.txt")
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    (tmp_path / "ring").symlink_to(tmp_path)
    (tmp_path / "gone.txt").symlink_to("/nowhere/at/all")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "device.txt").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket.txt"))
        found = read_all(tmp_path)
    assert [row["source"] for row in found.rows] == ["folder.txt/inside.txt", "ok.txt"]
    assert {reject.source: reject.reason for reject in found.rejects} == {
        "device.txt": "it is not a regular file",
        "gone.txt": "it is gone, or a link to nothing",
        "loop.txt": "it is a link that leads to itself",
        "pipe.txt": "it is not a regular file",
        "socket.txt": "it is not a regular file",
    }
    assert len(read_all(f"{tmp_path}/*.txt").rejects) == 5


def test_patterns_go_in_no_circles(tmp_path: Path) -> None:
    for name in (b"1.txt", b"a/2.txt", b"a/b/3.txt", b"a/b/.hidden/4.txt", b"a/b/5.md"):
        made(tmp_path, name)
    for link in "xyz":
        (tmp_path / link).symlink_to(tmp_path)
    expected = {"**/*.txt": "123", "a/**/*.txt": "23", "**/b/*": "35", "**": "1235", "a/**/b/**/*.md": "5"}
    for pattern, numbers in expected.items():
        rows = read_all(f"{tmp_path}/{pattern}").rows
        assert "".join(sorted(Path(row["source"]).stem for row in rows)) == numbers, pattern


@pytest.mark.parametrize("name", ["loop.txt", "pipe.txt"])
def test_what_is_no_file_is_refused_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(UnreadableInputError, match=name):
        read_all(tmp_path / name)


def test_folder_that_vanishes_is_a_reject(tmp_path: Path) -> None:
    from eopiez_ray.phases.io.files import find_files

    made(tmp_path, b"a/1.txt")
    made(tmp_path, b"b/2.txt")
    files = find_files([str(tmp_path)])
    next(files)
    (tmp_path / "b" / "2.txt").unlink()
    (tmp_path / "b").rmdir()
    gone = next(files)
    assert gone.source == "b"
    assert not Path(gone.path).exists()


def test_folders_deeper_than_python_can_recurse_are_read(tmp_path: Path) -> None:
    levels = [f"{tmp_path}{'/d' * level}" for level in range(1, 1_500)]
    for level in levels:
        Path(level).mkdir()
    deepest = Path(levels[-1], "deep.txt")
    deepest.write_text("deep")
    found = read_all(tmp_path)
    deepest.unlink()
    for level in reversed(levels):  # What clears up after tests recurses.
        Path(level).rmdir()
    assert (found.texts, found.rejects) == (["deep"], [])


def test_very_long_name_is_no_file(tmp_path: Path) -> None:
    for given in ("x" * 5_000, f"{tmp_path}/" + "y" * 300, "nul\0byte", "file://%00"):
        with pytest.raises(UnreadableInputError, match="no such file"):
            read_all(given)
