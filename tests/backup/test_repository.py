"""What is stored comes back as it was, or an error says what was changed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.backup.key import MARK, BackupKey
from eopiez_ray.backup.manifest import Manifest, StoredFile, new_id
from eopiez_ray.backup.presence import alone, present
from eopiez_ray.backup.repository import HEADER, Repository
from eopiez_ray.errors import BackupError, BackupKeyError, BackupNotFoundError, DamagedBackupError, StorageFullError

from .conftest import manifest, stored

KEY = BackupKey(bytes(32))
names = st.text(st.characters(codec=None), min_size=1, max_size=20)
files = st.builds(
    StoredFile,
    names,
    st.integers(0, 2**50),
    st.integers(0, 2**63),
    st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=3).map(tuple),
)


@given(content=st.binary(max_size=5000), place=st.text(max_size=30))
def test_what_is_sealed_opens_at_its_place(content: bytes, place: str) -> None:
    assert KEY.open(KEY.seal(content, place), place) == content


@given(content=st.binary(max_size=200), data=st.data())
def test_no_byte_of_it_can_be_changed_and_no_place_either(content: bytes, data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal(content, "here"))
    position = data.draw(st.integers(0, len(sealed) - 1))
    with pytest.raises(DamagedBackupError):
        KEY.open(bytes(sealed), "there")
    sealed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedBackupError):
        KEY.open(bytes(sealed), "here")


@given(content=st.binary(max_size=200), data=st.data())
def test_a_signature_fits_its_text_and_key_alone(content: bytes, data: st.DataObject) -> None:
    signed = bytearray(KEY.sign(content))
    assert KEY.signed(bytes(signed), "") == content
    with pytest.raises(DamagedBackupError):
        BackupKey(bytes([1]) * 32).signed(bytes(signed), "")
    signed[data.draw(st.integers(0, len(signed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedBackupError):
        KEY.signed(bytes(signed), "")


def test_names_and_contents_give_nothing_away_without_the_key() -> None:
    content = b"a letter that somebody knows" * 10
    assert KEY.name(content) != BackupKey(bytes([1]) * 32).name(content)
    assert content[:10] not in KEY.seal(content, "")


def test_a_key_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "backup.key"
    key = BackupKey.make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert BackupKey.read(path.read_text(), str(path)).id == key.id


@pytest.mark.parametrize("text", ["", "hello", MARK, MARK + "AAAA", MARK + "ä", MARK[:-1] + "A" * 44])
def test_what_is_no_key_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BackupKeyError, match="the file holds no key"):
        BackupKey.read(text, "the file")


@pytest.mark.parametrize(
    "content", [b"", b"a", b"\0" * 10**6, os.urandom(10**6)], ids=["empty", "one", "zeros", "random"]
)
def test_an_object_comes_back(repository: Repository, content: bytes) -> None:
    (name,) = stored(repository, content)
    assert repository.get(name) == content
    assert repository.names() == {name: pytest.approx(len(content), abs=2**20)}


def test_an_object_in_the_place_of_another_is_noticed(repository: Repository, tmp_path: Path) -> None:
    first, second = stored(repository, b"first", b"second")
    root = tmp_path / "repository" / "objects"
    (root / first[:2] / first[2:]).write_bytes((root / second[:2] / second[2:]).read_bytes())
    with pytest.raises(DamagedBackupError, match=f"object {first}"):
        repository.get(first)
    (root / second[:2] / second[2:]).unlink()
    with pytest.raises(DamagedBackupError, match="missing"):
        repository.get(second)


def test_a_full_disk_leaves_no_part_of_an_object(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFullError, match="no space left for backups"):
        repository.put(repository.key.name(b"content"), b"content")
    assert not [file for file in Path(repository.place.url, "objects").rglob("*") if file.is_file()]


@given(found=st.lists(files, max_size=5))
def test_a_manifest_comes_back_whatever_its_files_are_called(found: list[StoredFile]) -> None:
    made = manifest(files=tuple(found), parent="other", stream="s")
    assert Manifest.from_bytes(made.to_bytes()) == made


def test_a_backup_is_there_once_it_is_published(repository: Repository, tmp_path: Path) -> None:
    made = manifest()
    with pytest.raises(BackupNotFoundError, match="there is no backup"):
        repository.manifest(made.id)
    repository.publish(made)
    assert repository.manifests() == [made]
    file = tmp_path / "repository" / "backups" / made.id
    file.rename(file.with_name("20270101T000000Z"))
    with pytest.raises(DamagedBackupError, match="backup 20270101T000000Z"):
        repository.manifests()


@pytest.mark.parametrize("backup", ["", ".", "..", "../repository.json", "/etc/passwd", "a/b", "\0", "ä" * 300])
def test_what_is_no_id_names_no_backup(repository: Repository, backup: str) -> None:
    with pytest.raises((BackupNotFoundError, DamagedBackupError)):
        repository.manifest(backup)


def test_backups_of_one_second_have_different_names() -> None:
    taken: set[str] = set()
    for _ in range(20):
        taken.add(new_id(taken))
    assert len(taken) == 20


def test_another_key_is_refused_and_so_is_a_newer_format(repository: Repository, tmp_path: Path) -> None:
    url = repository.place.url
    with pytest.raises(BackupKeyError, match="EOPIEZ_BACKUP_KEY"):
        Repository.at(url, KEY)
    (tmp_path / "repository" / HEADER).write_text('{"format": 2, "key": ""}')
    with pytest.raises(BackupError, match="update eopiez"):
        Repository.at(url, repository.key)
    (tmp_path / "repository" / HEADER).write_text("{")
    with pytest.raises(BackupError, match="cannot read the repository"):
        Repository.at(url, repository.key)


def test_where_there_are_no_backups_an_error_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="eopiez backup create"):
        Repository.at(str(tmp_path / "none"), KEY)
    with pytest.raises(BackupError, match="neither a folder nor a store"):
        Repository.at("nonsense://bucket", KEY, is_new=True)


def test_whoever_sweeps_waits_for_nobody_and_is_refused_while_others_write(repository: Repository) -> None:
    with present(repository) as mine:
        with pytest.raises(BackupError, match="somebody else is at work"), alone(repository):
            pass
        with alone(repository, besides=mine):
            pass
    with alone(repository):
        pass
    assert not [*repository.place.list("writers")]
