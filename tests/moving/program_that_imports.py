"""Imports what comes on standard input: a program of its own, so that a test can kill it."""

from __future__ import annotations

import asyncio
import sys

from eopiez_ray.engine.artifacts import Artifacts
from eopiez_ray.moving.importing import Importer, Wishes
from eopiez_ray.store import connect


def tell(_what: str, _bytes: int) -> None:
    print("more", flush=True)


async def main(url: str, folder: str) -> None:
    async with await connect(url) as database:
        importer = Importer(database, Artifacts(folder, database.vault.keys), Wishes(), "bob", tell)
        await importer.run(sys.stdin.buffer)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
