"""An import that is killed has never been there."""

from __future__ import annotations

import asyncio
import sys

from tests.engine.conftest import Stage

from .test_moving import ended, exported, imported, table_sizes


async def test_an_import_killed_half_way_leaves_nothing_and_can_be_repeated(here: Stage, there: Stage) -> None:
    content = await exported(here, *await ended(here))
    before = await table_sizes(there)
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.moving.program_that_imports", there.database.url, str(there.folder),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(content[:-4096])
    await program.stdin.drain()
    for _ in range(9):  # Each table has arrived; the end has not.
        assert await program.stdout.readline() == b"more\n"
    program.kill()
    await program.wait()
    assert await table_sizes(there) == before
    assert (await imported(there, content)).workflows == 2
