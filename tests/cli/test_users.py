"""Users and the audit log by the command line, for the operator of a machine."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from eopiez_ray.cli import app
from eopiez_ray.errors import NotSignedInError
from eopiez_ray.gateway.identity.peers import Peer
from eopiez_ray.gateway.identity.services import open_identity
from eopiez_ray.gateway.identity.signing_in import Proof, SignedIn
from eopiez_ray.settings import Settings
from eopiez_ray.store import Database
from eopiez_ray.store.audit import AuditFilter, AuditLog


@pytest.fixture(autouse=True)
def _home(home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_HOME", str(home))
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")


def eopiez(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result


async def sign_in(database: Database, login: str, password: str) -> SignedIn:
    async with open_identity(database, Settings()) as services:
        return await services.signing_in.sign_in(login, Proof(password), Peer())


async def test_a_user_from_creation_to_disabling(database: Database) -> None:
    password = eopiez("users", "create", "Anna", "--role", "default=developer").stdout.strip()
    assert (await sign_in(database, "anna", password)).must_change_password
    with pytest.raises(NotSignedInError):
        await sign_in(database, "anna", password)
    again = eopiez("users", "reset-password", "ANNA").stdout.strip()
    assert (await sign_in(database, "anna", again)).must_change_password
    assert "is disabled" in eopiez("users", "disable", "anna").stdout
    third = eopiez("users", "reset-password", "anna").stdout.strip()
    with pytest.raises(NotSignedInError):
        await sign_in(database, "anna", third)
    (shown,) = [json.loads(line) for line in eopiez("users", "list", "--json").stdout.splitlines()]
    assert (shown["login"], shown["is_disabled"]) == ("anna", True)
    assert "password" not in shown
    eopiez("users", "enable", "anna")
    assert (await sign_in(database, "anna", third)).must_change_password
    assert "initial password" in eopiez("users", "list").stdout


async def test_what_cannot_be_is_refused_in_a_sentence(database: Database) -> None:
    assert "is not an e-mail" in eopiez("users", "create", "anna", "--email", "anna", code=64).stderr
    assert "there is no project 'blue'" in eopiez("users", "create", "anna", "--role", "blue=viewer", code=66).stderr
    assert "write PROJECT=ROLE" in eopiez("users", "create", "anna", "--role", "default=king", code=64).stderr
    assert "there is no user 'ben'" in eopiez("users", "disable", "ben", code=66).stderr
    assert await database.fetch("select * from users") == []
    eopiez("users", "create", "root", "--administrator")
    assert "the only system administrator" in eopiez("users", "disable", "root", code=1).stderr
    assert "there is a user 'root' already" in eopiez("users", "create", "ROOT", code=1).stderr


async def test_what_operators_do_is_in_the_audit_log(database: Database) -> None:
    eopiez("users", "create", "anna", "--role", "default=viewer")
    eopiez("users", "disable", "anna")
    rows = [row.entry for row in await AuditLog(database).page(AuditFilter(actor="command line"))]
    assert [row.action for row in rows] == ["user.update", "member.put", "user.create"]
    assert all(row.details["login"] == "anna" for row in rows)
    lines = [json.loads(line) for line in eopiez("audit", "export").stdout.splitlines()]
    assert [line["action"] for line in lines] == ["user.create", "member.put", "user.update"]
    assert eopiez("audit", "verify").stdout == "The audit log is whole: 3 rows.\n"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("update audit set actor = 'eve' where seq = 2", "row 2: it was changed"),
        ("delete from audit where seq = 2", "row 3: a row is missing before this one"),
        ("delete from audit where seq = 3", "row 3: the rows from here to the anchored head were cut off"),
    ],
)
async def test_tampering_is_found(database: Database, statement: str, says: str) -> None:
    for login in ("anna", "ben", "cleo"):
        eopiez("users", "create", login)
    connection = await asyncpg.connect(database.url, server_settings={"search_path": "eopiez"})
    await connection.execute("alter table audit disable trigger audit_is_append_only")
    await connection.execute(statement)
    await connection.close()
    result = eopiez("audit", "verify", code=1)
    assert says in result.stderr
    assert "was tampered with" in result.stderr


async def test_a_head_that_was_kept_elsewhere_is_compared(database: Database, home: Path) -> None:
    eopiez("users", "create", "anna")
    head = await AuditLog(database).head()
    (home / "audit-head").unlink()
    assert "a cut tail would not show" in eopiez("audit", "verify").stderr
    eopiez("audit", "verify", "--head", f"{head.seq}:{head.hash.hex()}")
    eopiez("audit", "verify", "--head", f"{head.seq + 1}:{head.hash.hex()}", code=1)
    assert "write ROW:HASH" in eopiez("audit", "verify", "--head", "nonsense", code=64).stderr
