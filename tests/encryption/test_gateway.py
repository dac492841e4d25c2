"""The gateway and the command line on encrypted data."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from typer.testing import CliRunner

from eopiez_ray.cli import app as program
from eopiez_ray.encryption.keys import DataKey
from eopiez_ray.encryption.streams import KEYS
from eopiez_ray.errors import UnreadableInputError
from eopiez_ray.phases.io.files import InputFile
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.sniffing import open_file
from eopiez_ray.store.data_keys import DataKeys
from tests.engine.conftest import Stage
from tests.gateway.conftest import gateway_at, sent

from .conftest import KeyFile, master
from .phases_with_payloads import PAYLOAD, telling

ROWS = b"".join(b'{"text": "row %d of %s"}\n' % (number, PAYLOAD.encode()) for number in range(20_000))


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(database_url: str, home: Path, key_file: KeyFile) -> AsyncIterator[FastAPI]:
    async with gateway_at(database_url, home, encryption_key_file=key_file.path) as app:
        yield app


def client(app: FastAPI, name: str = "anna") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway/v1", headers={"Caller": name})


async def uploaded(app: FastAPI, content: bytes) -> Path:
    """The file of an upload that came in two parts."""
    async with client(app) as anna:
        created = (await anna.post("/uploads", json={"name": "rows.jsonl", "size": len(content)})).json()
        half, place = len(content) // 2, f"/uploads/{created['id']}"
        for offset, part in ((0, content[:half]), (half, content[half:])):
            answer = await anna.patch(place, content=part, headers={"Upload-Offset": str(offset)})
            assert answer.status_code == HTTPStatus.OK, answer.text
        seen = (await anna.get(place)).json()
        assert (seen["offset"], seen["completed_at"] is None) == (len(content), False)
    (file,) = (app.state.system.settings.shared_folder / "uploads").rglob("rows.jsonl")
    return Path(file)


async def keys_of(app: FastAPI) -> tuple[DataKey, ...]:
    ring = await app.state.system.database.vault.ring("blue")
    keys: tuple[DataKey, ...] = ring.keys
    return keys


def read(path: Path) -> bytes:
    opened = open_file(InputFile(str(path), path.name, None), ReadOptions())
    with opened.stream, opened.raw:
        opened.raw.seek(0)
        return opened.stream.read()


async def test_an_upload_is_encrypted_and_read_by_phases(gateway: FastAPI) -> None:
    file = await uploaded(gateway, ROWS)
    stored = await asyncio.to_thread(file.read_bytes)
    assert PAYLOAD.encode() not in stored
    with pytest.raises(UnreadableInputError, match="data key"):
        read(file)
    KEYS.add(await keys_of(gateway))
    assert read(file) == ROWS
    await asyncio.to_thread(file.write_bytes, stored[:-1] + bytes([stored[-1] ^ 1]))
    with pytest.raises(Exception, match=r"rows.jsonl cannot be decrypted"):
        read(file)


async def test_a_result_is_downloaded_in_ranges(gateway: FastAPI, home: Path) -> None:
    stage = Stage(gateway.state.system.database, home / "artifacts")
    stage.orchestrate()
    async with client(gateway) as anna:
        created = (await anna.post("/workflows", json=sent(telling()))).json()
        await stage.rest(created["id"])
        place = f"/workflows/{created['id']}/results/grow?partition=0"
        raw = {"Accept": "application/octet-stream"}
        whole = (await anna.get(place, headers=raw)).content
        assert whole.count(PAYLOAD.encode()) == 20_000
        part = await anna.get(place, headers=raw | {"Range": "bytes=300000-300099"})
        assert part.status_code == HTTPStatus.PARTIAL_CONTENT
        assert part.content == whole[300_000:300_100]
        assert part.headers["Eopiez-Form"] == "pickle"
        shown = (await anna.get(f"/workflows/{created['id']}/results/tell")).json()
        assert shown["values"] == [f"small {PAYLOAD}"]
        await _shred(gateway)
        gone = await anna.get(place, headers=raw)
        assert (gone.status_code, gone.json()["type"]) == (HTTPStatus.GONE, "urn:eopiez:problem:data-key-missing")
    await stage.close()


async def _shred(app: FastAPI) -> None:
    system = app.state.system
    await DataKeys(system.database, system.settings.at_rest).destroy("blue")
    await system.database.vault.ready([])


def test_an_operator_sees_rotates_and_destroys_keys(tmp_path: Path) -> None:
    env = {"EOPIEZ_HOME": str(tmp_path), "EOPIEZ_ENCRYPTION_KEYS": master("first")}

    def run(*words: str) -> str:
        result = CliRunner().invoke(program, ["encrypt", *words], env=env)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert json.loads(run("status", "--json")) == {"is_on": True, "keys": [], "shares": []}
    run("rotate", "--all")
    run("rotate", "default")
    env["EOPIEZ_ENCRYPTION_KEYS"] = f"{master('second')},{env['EOPIEZ_ENCRYPTION_KEYS']}"
    assert "3 data keys wrapped again" in run("rewrap")
    assert "0 workflows encrypted" in run("convert")
    assert "2 data keys of project default destroyed" in run("destroy", "default", "--yes")
    keys = json.loads(run("status", "--json"))["keys"]
    assert {key["master"] for key in keys} == {"second"}
    assert [(key["project"], key["destroyed_at"] is None) for key in keys] == [
        ("", True), ("default", False), ("default", False),
    ]  # fmt: skip
    assert "destroyed" in run("status")
