"""The embedded server: started by the first, stopped by the last, found again after a kill."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import asyncpg
import pytest

from eopiez_ray.errors import EmbeddedPostgresError
from eopiez_ray.store import EmbeddedServer

from ..waiting import until


async def test_the_last_user_to_leave_stops_it(home: Path) -> None:
    first, second = EmbeddedServer(home), EmbeddedServer(home)
    assert first.start() == second.start()
    first.leave()
    connection = await asyncpg.connect(second.url)
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    second.leave()
    assert not second.is_running()


async def test_a_killed_server_comes_back_with_all_that_was_committed(home: Path) -> None:
    server = EmbeddedServer(home)
    connection = await asyncpg.connect(server.start())
    await connection.execute("create table kept (value integer)")
    await connection.execute("insert into kept values (1)")
    os.kill(server.postmaster_pid(), signal.SIGKILL)
    connection.terminate()
    await until(lambda: not server.is_running())  # A signal is delivered a little later than it is sent.
    connection = await asyncpg.connect(server.start())
    assert await connection.fetchval("select value from kept") == 1
    await connection.close()
    server.leave()


async def test_a_home_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / ("long" * 30))
    connection = await asyncpg.connect(server.start())
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    server.leave()


def test_so_has_one_where_temporary_files_are_far_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = tmp_path / ("far" * 30)
    far.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(far))
    server = EmbeddedServer(tmp_path / ("long" * 30))
    server.start()
    assert server.is_running()
    sockets = Path(server.url.partition("host=")[2])
    assert sockets.is_dir()
    server.leave()
    assert not sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_socket_is_made_in_nobody_elses_folder(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / ("long" * 30))
    folder = Path(server.url.partition("host=")[2])
    folder.mkdir(0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(EmbeddedPostgresError, match="belongs to another user"):
        server.start()
    folder.rmdir()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(EmbeddedPostgresError, match="EOPIEZ_HOME"):
        EmbeddedServer(tmp_path / "file").start()
