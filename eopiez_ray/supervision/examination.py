"""What ``eopiez doctor`` looks at: each finding says what is wrong and what to do."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from ..backup.system import repository_of
from ..engine.artifacts import Artifacts
from ..errors import CertificateError, EopiezError, PortTakenError
from ..store import EmbeddedServer, Vitals, connect
from ..tls import Certificate, pair_of, valid
from .parts import check_port
from .standing import StandingFile

if TYPE_CHECKING:
    from ..settings import Settings

FREE_BYTES = 2 * 2**30
"""Free disk space below which a run may fill it."""
MEMORY_BYTES = 2 * 2**30
"""Free memory below which the system may not start."""
CLOCK_S = 1.0
"""Difference between the clocks of this machine and of the database that is worth a word."""
RENEWED_BEFORE = timedelta(days=21)
"""How long before its end a certificate should have been renewed."""
LATE = 1.5
"""How many times as old as wanted the last backup may be."""
DISTRIBUTIONS = ("eopiez-ray", "ray", "asyncpg", "pyarrow", "fastapi", "uvicorn")


class Verdict(StrEnum):
    """How a part of the examination went."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing."""

    subject: str
    verdict: Verdict
    facts: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one after the other; what cannot be looked at is a finding too."""
    yield _versions()
    yield _memory()
    yield _disk(settings)
    yield _home(settings)
    yield _port(settings)
    yield from certificate(settings)
    yield from _database(settings)
    yield _artifacts(settings)
    yield _ray(settings)
    yield backups(settings)


def _versions() -> Finding:
    found = [f"Python {'.'.join(map(str, sys.version_info[:3]))}"]
    for name in DISTRIBUTIONS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            advice = "pip install 'eopiez-ray[gateway]'"
            return Finding("versions", Verdict.BAD, f"{name} is not installed", advice)
    return Finding("versions", Verdict.GOOD, ", ".join(found))


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    facts = f"{free / 2**30:.1f} GiB of {psutil.virtual_memory().total / 2**30:.1f} GiB are free"
    if free < MEMORY_BYTES:
        return Finding("memory", Verdict.WARNING, facts, "close other programs, or lower EOPIEZ_OBJECT_STORE_BYTES")
    return Finding("memory", Verdict.GOOD, facts)


def _disk(settings: Settings) -> Finding:
    folder = settings.home.expanduser().absolute()
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    facts = f"{free / 2**30:.1f} GiB are free where {folder} is"
    if free < FREE_BYTES:
        return Finding("disk", Verdict.WARNING, facts, "make room: `eopiez clean`, or set EOPIEZ_HOME to another disk")
    return Finding("disk", Verdict.GOOD, facts)


def _home(settings: Settings) -> Finding:
    folder = settings.home.expanduser().absolute()
    if not folder.exists():
        return Finding("data home", Verdict.GOOD, f"{folder} does not exist yet")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding("data home", Verdict.BAD, f"{folder} is not yours", "set EOPIEZ_HOME to a folder that you own")
    return Finding("data home", Verdict.GOOD, str(folder))


def _port(settings: Settings) -> Finding:
    host, port = settings.gateway_host, settings.gateway_port
    if StandingFile(settings.home).is_held():
        return Finding("port", Verdict.GOOD, f"the system is up, on {host}:{port} or the port it was told")
    try:
        check_port(settings)
    except PortTakenError as error:
        return Finding("port", Verdict.BAD, str(error), "or take another: EOPIEZ_GATEWAY_PORT")
    return Finding("port", Verdict.GOOD, f"{host}:{port} is free")


def certificate(settings: Settings) -> Iterator[Finding]:
    """Whether the gateway's certificate can be used, for how long, and whether its key is its owner's alone."""
    try:
        pair = pair_of(settings.tls_certificate, settings.tls_key)
        found = None if pair is None else valid(pair, datetime.now(UTC))
    except CertificateError as error:
        yield Finding("certificate", Verdict.BAD, str(error), "correct it; the gateway does not start with it")
        return
    if pair is None or found is None:
        yield Finding("certificate", Verdict.GOOD, "none: the gateway speaks HTTP, as behind a proxy that has TLS")
        return
    yield _lasting(found)
    host = urlsplit(settings.public_url or settings.gateway_url).hostname or ""
    if not found.is_for(host):
        advice = "name the address by which people reach the gateway in EOPIEZ_PUBLIC_URL, or renew it for this one"
        names = ", ".join(found.names) or "nothing"
        yield Finding("certificate", Verdict.WARNING, f"it is for {names}, and not for {host}", advice)
    if is_open_to_others(pair.key):
        yield Finding("certificate", Verdict.WARNING, f"others can read its key, {pair.key}", f"chmod 600 {pair.key}")


def _lasting(found: Certificate) -> Finding:
    left = found.left(datetime.now(UTC))
    facts = f"it ends on {found.ends_at:%Y-%m-%d}, in {left / timedelta(days=1):.0f} days"
    if left > RENEWED_BEFORE:
        return Finding("certificate", Verdict.GOOD, facts)
    return Finding(
        "certificate", Verdict.WARNING, facts, "renew it: once the files are replaced, `eopiez up` uses them"
    )


def is_open_to_others(file: Path) -> bool:
    """Whether others than its owner may read a file."""
    return file.exists() and bool(file.stat().st_mode & 0o077)


def _database(settings: Settings) -> Iterator[Finding]:
    server = EmbeddedServer(settings.home) if settings.database_url is None else None
    try:
        url = settings.database_url if server is None else server.start()
        assert url is not None
        yield from asyncio.run(_ask(url))
    except EopiezError as error:
        yield Finding("database", Verdict.BAD, str(error), "check EOPIEZ_DATABASE_URL, or unset it for an embedded one")
    finally:
        if server is not None:
            server.leave()


async def _ask(url: str) -> list[Finding]:
    async with await connect(url) as database:
        before = time.time()
        server = await Vitals(database).server()
        apart = server.now - (before + time.time()) / 2
        drivers = await Vitals(database).drivers()
    found = [Finding("database", Verdict.GOOD, f"PostgreSQL {server.version}")]
    if abs(apart) > CLOCK_S:
        advice = "let both machines keep time by NTP"
        found.append(Finding("clock", Verdict.WARNING, f"the database's clock is {apart:+.1f} s apart", advice))
    else:
        found.append(Finding("clock", Verdict.GOOD, f"{abs(apart) * 1000:.0f} ms apart from the database's"))
    facts = f"{drivers.orchestrators} alive, {drivers.takers} of which take any workflow"
    if not drivers.takers:
        advice = "`eopiez up`, or `eopiez orchestrate`; without one, submitted workflows wait"
        return [*found, Finding("orchestrators", Verdict.WARNING, facts, advice)]
    return [*found, Finding("orchestrators", Verdict.GOOD, facts)]


def _artifacts(settings: Settings) -> Finding:
    try:
        Artifacts(settings.artifacts).probe()
    except EopiezError as error:
        return Finding("artifacts", Verdict.BAD, str(error), "check EOPIEZ_ARTIFACT_URL, and its credentials")
    return Finding("artifacts", Verdict.GOOD, f"{settings.artifacts} can be written and read")


def _ray(settings: Settings) -> Finding:
    if settings.ray_address is None:
        return Finding("Ray", Verdict.GOOD, "a cluster of its own, started when it is needed")
    host, _, port = settings.ray_address.rpartition(":")
    if not port.isdigit():
        return Finding("Ray", Verdict.GOOD, f"the cluster {settings.ray_address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
    except OSError as error:
        advice = "start it, correct EOPIEZ_RAY_ADDRESS, or unset it for a cluster of its own"
        return Finding("Ray", Verdict.BAD, f"nothing answers at {settings.ray_address}: {error}", advice)
    return Finding("Ray", Verdict.GOOD, f"{settings.ray_address} answers")


def backups(settings: Settings) -> Finding:
    """Whether there are backups, new enough and on another disk, that this machine has the key of."""
    if settings.backup_url is None:
        return Finding("backups", Verdict.GOOD, "none are wanted: EOPIEZ_BACKUP_URL is not set")
    try:
        repository = repository_of(settings)
        made = repository.backups()
        last = repository.manifest(made[-1]) if made else None
    except EopiezError as error:
        return Finding("backups", Verdict.BAD, str(error), "`eopiez backup create` says whether it can be written")
    if last is None:
        return Finding("backups", Verdict.BAD, f"none at {settings.backup_url}", "`eopiez backup create`")
    hours = (datetime.now(UTC) - last.started_at).total_seconds() / 3600
    facts = f"{len(made)} at {settings.backup_url}, the last one {hours:.1f} h old"
    if hours > LATE * settings.backup_every_hours:
        return Finding("backups", Verdict.WARNING, facts, "`eopiez backup keep` makes them; its log says what keeps it")
    if _is_same_disk(settings):
        return Finding("backups", Verdict.WARNING, f"{facts}, on the disk of the data home", "choose another disk")
    return Finding("backups", Verdict.GOOD, facts)


def _is_same_disk(settings: Settings) -> bool:
    place = Path(str(settings.backup_url).removeprefix("file://")).expanduser()
    try:
        return place.stat().st_dev == settings.home.expanduser().stat().st_dev
    except OSError:  # It is no folder of this machine, or there is no home yet.
        return False
