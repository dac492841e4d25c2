"""What ``eopiez config`` says: each setting with its value and where that is from, and what is wrong with them."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import EopiezError
from ..sealing import Seal
from ..settings import FOLDER, PREFIX, Settings, ray_job, secrets, settings_folder, variable
from ..store.addresses import check_address, redacted
from .clashes import clashes
from .examination import Finding, Verdict

OTHERS = {
    FOLDER, "EOPIEZ_DEBUG", "EOPIEZ_PROJECT", "EOPIEZ_URL", "EOPIEZ_TOKEN", "EOPIEZ_CA_FILE",
    "EOPIEZ_SERVICES_URL", "EOPIEZ_SERVICES_KEYS",
}  # fmt: skip
"""Variables of ours that are no settings."""
HIDDEN = "(hidden)"
ADDRESSES = ("database_url", "pooler_url")
"""Secrets that are shown without their passwords."""


class Origin(StrEnum):
    """Where a value is from."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    FILE = "file"
    JOB = "job"
    """The Ray job that this process belongs to."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as anybody may see it."""

    variable: str
    value: Any
    origin: Origin


def shown(settings: Settings) -> list[Shown]:
    """All settings in the order of their model; of secrets only whether they are set."""
    given = {name.lower() for name, value in os.environ.items() if value}
    files = {path.name.lower() for path in _files()}
    return [
        Shown(variable(name), _visible(name, getattr(settings, name)), _origin(name, given, files))
        for name in Settings.model_fields
    ]


def _visible(name: str, value: Any) -> Any:
    if name not in secrets() or value is None:
        return value
    return redacted(value) if name in ADDRESSES else HIDDEN


def _origin(name: str, given: set[str], files: set[str]) -> Origin:
    called = variable(name).lower()
    if called in given:
        return Origin.ENVIRONMENT
    if called in files:
        return Origin.FILE
    return Origin.JOB if name == "ray_address" and ray_job() is not None else Origin.DEFAULT


def _files() -> list[Path]:
    """The files of the settings folder; none if it cannot be read, which the check says."""
    try:
        folder = settings_folder()
        return [] if folder is None else sorted(path for path in folder.iterdir() if path.is_file())
    except (EopiezError, OSError):
        return []


def check() -> list[Finding]:
    """What is wrong with the settings, and what to do; nothing is started and nobody is asked."""
    found = [*_unknown(), *_open_files()]
    try:
        settings = Settings()
    except ValidationError as error:
        return [*found, *(_invalid(problem) for problem in error.errors(include_url=False))]
    except EopiezError as error:
        return [*found, Finding(FOLDER, Verdict.BAD, str(error))]
    return [*found, *_addresses(settings), *clashes(settings)]


def _invalid(problem: Any) -> Finding:
    name = str(problem["loc"][0]) if problem["loc"] else ""
    value = HIDDEN if name in secrets() else repr(problem["input"])
    return Finding(variable(name), Verdict.BAD, f"it is {value}", f"{problem['msg'].lower()}; see docs/settings.md")


def _unknown() -> Iterator[Finding]:
    known = [*map(variable, Settings.model_fields), *sorted(OTHERS)]
    named = {name for name in os.environ if name.upper().startswith(PREFIX)}
    named |= {path.name for path in _files() if path.name.upper().startswith(PREFIX)}
    for name in sorted(named):
        if name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, 1)
            hint = f"did you mean {near[0]}?" if near else "remove it; docs/settings.md names all"
            yield Finding(name, Verdict.WARNING, "there is no such setting, so it has no effect", hint)


def _open_files() -> Iterator[Finding]:
    hidden = {variable(name) for name in secrets()}
    for path in _files():
        if path.name.upper() in hidden and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding(path.name.upper(), Verdict.WARNING, f"others can read {path}", f"chmod 600 {path}")


def _addresses(settings: Settings) -> Iterator[Finding]:
    for name in ADDRESSES:
        try:
            if getattr(settings, name) is not None:
                check_address(getattr(settings, name), variable(name))
        except EopiezError as error:
            yield Finding(variable(name), Verdict.BAD, str(error))
    try:
        Seal(settings.secret_key)
    except EopiezError as error:
        yield Finding("EOPIEZ_SECRET_KEY", Verdict.BAD, str(error))
