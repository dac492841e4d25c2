"""A segment of WAL that grew while it was kept in parts is whole at the end of each, whoever died in between."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eopiez_ray.backup import shipping
from eopiez_ray.backup.key import BackupKey
from eopiez_ray.backup.packer import Packer
from eopiez_ray.backup.recovering import recovery_settings, wal_after
from eopiez_ray.backup.repository import Repository
from eopiez_ray.backup.shipping import Receiver, Shipper
from eopiez_ray.backup.stream import PAGE_BYTES, SEGMENT_BYTES, begin_stream, is_part, read_stream, used
from eopiez_ray.backup.system import Source
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database

from ..waiting import wait_until
from .conftest import manifest

SEGMENT = "000000010000000000000003"


class Spool:
    """WAL as pg_receivewal leaves it, and a shipper that may die."""

    def __init__(self, repository: Repository, home: Path) -> None:
        self.repository, self.wal = repository, home / "backup" / "wal"
        self.wal.mkdir(parents=True)
        self._source = Source(Settings(home=home), Database.__new__(Database), is_embedded=True)
        self._packer = Packer(repository, ())
        self.content = bytearray(SEGMENT_BYTES)
        self.end = 0
        self.restart()

    def restart(self) -> None:
        self._shipper = Shipper(self._source, self.repository, "stream", self._packer, None, {})

    def write(self, content: bytes) -> None:
        self.content[self.end : self.end + len(content)] = content
        self.end += len(content)
        (self.wal / f"{SEGMENT}.partial").write_bytes(self.content)

    def complete(self) -> None:
        (self.wal / f"{SEGMENT}.partial").rename(self.wal / SEGMENT)

    def ship(self) -> int:
        return self._shipper.ship()

    def restored(self) -> dict[str, bytes]:
        return dict(wal_after(self.repository, manifest(stream="stream")))


@settings(max_examples=6)
@given(st.lists(st.tuples(st.integers(1, 3 * PAGE_BYTES), st.booleans()), min_size=1, max_size=8), st.randoms())
def test_what_was_shipped_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool]], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(Repository.at(str(folder / "repository"), BackupKey(bytes(32)), is_new=True), folder / "home")
    for size, dies in steps:
        spool.write(bytes(chance.randrange(1, 256) for _ in range(size)))
        assert spool.ship() > 0
        assert spool.restored() == {SEGMENT: bytes(spool.content)}
        if dies:
            spool.restart()
    spool.complete()
    spool.ship()
    assert spool.restored() == {SEGMENT: bytes(spool.content)}
    assert not any(map(is_part, spool.repository.segments("stream")))
    assert not [*spool.wal.iterdir()]


def test_parts_stay_few_and_nothing_new_is_nothing_shipped(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "MOST_PARTS", 4)
    spool = Spool(repository, tmp_path / "home")
    for number in range(3 * 4):
        spool.write(bytes([number % 255 + 1]) * 100)
        spool.ship()
        assert len(repository.segments("stream")) <= 4
    assert spool.ship() == 0
    assert spool.restored() == {SEGMENT: bytes(spool.content)}


def test_a_segment_that_pg_receivewal_reads_again_takes_nothing_back(repository: Repository, tmp_path: Path) -> None:
    spool = Spool(repository, tmp_path / "home")
    spool.write(b"a" * 3 * PAGE_BYTES)
    spool.ship()
    (spool.wal / f"{SEGMENT}.partial").write_bytes(bytes(SEGMENT_BYTES))
    spool.ship()
    assert spool.restored() == {SEGMENT: bytes(spool.content)}


def test_new_files_are_noted_before_the_wal_that_may_name_them(repository: Repository, tmp_path: Path) -> None:
    spool = Spool(repository, tmp_path / "home")
    artifact = tmp_path / "home" / "artifacts" / "ab" / "cdef"
    artifact.parent.mkdir(parents=True)
    artifact.write_bytes(b"content")
    spool.ship()
    (file,) = repository.files("stream", 0)["artifacts"]
    assert (file.path, repository.get(file.objects[0])) == ("ab/cdef", b"content")
    artifact.with_name("more").write_bytes(b"more")
    spool.ship()
    assert [file.path for file in repository.files("stream", 1)["artifacts"]] == ["ab/more"]
    spool.ship()
    assert repository.notes("stream") == [0, 1]


def test_only_zeros_at_the_end_are_unused() -> None:
    assert used(b"") == used(bytes(100)) == 0
    assert used(b"a") == PAGE_BYTES
    assert used(bytes(PAGE_BYTES) + b"a" + bytes(10)) == 2 * PAGE_BYTES


def test_a_stream_is_known_until_another_begins(tmp_path: Path) -> None:
    assert read_stream(tmp_path) is None
    first = begin_stream(tmp_path)
    assert read_stream(tmp_path) == first != begin_stream(tmp_path)
    (tmp_path / "stream.json").write_text("{")
    assert read_stream(tmp_path) is None


def test_a_folder_of_any_name_can_be_told_to_the_server() -> None:
    found = recovery_settings(Path("/a b/it's 100%/\\wal"), None)
    assert found.splitlines()[1] == """restore_command = 'cp ''/a b/it''"''"''s 100%%/\\\\wal''/%f %p'"""


def test_what_keeps_wal_from_arriving_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(f"postgresql://eopiez@/postgres?host={tmp_path}", tmp_path / "wal")

    def tried() -> bool:
        assert receiver._process is not None
        return receiver._process.poll() is not None

    for _ in range(3):
        receiver.keep_up()
        wait_until(tried)
    receiver.stop()
    told = [record.getMessage() for record in caplog.records if "pg_receivewal has ended" in record.getMessage()]
    assert len(told) == 1
    assert "could not connect" in told[0] or "connection to server" in told[0]
