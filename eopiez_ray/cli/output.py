"""Where the results of a command go."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from ..errors import ParameterError


def output_folder(given: Path | None, title: str) -> Path:
    """The folder for the results; nothing is created yet.

    Raises:
        ParameterError: it is not empty, or not a folder.
    """
    if given is None:
        slug = re.sub(r"[^\w.-]+", "-", title).strip("-.").lower() or "run"
        given = Path(f"eopiez-{slug}-{datetime.now().astimezone():%Y%m%d-%H%M%S}")
    folder = given.expanduser().resolve()
    if not _is_storable(str(folder)):
        raise ParameterError(f"the output {folder} has a name that is not UTF-8; name another with --output")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(
            f"the output {given} exists already and is not an empty folder; name a new one with --output"
        )
    return folder


def same_folder(given: Path | None, inputs: list[str]) -> Path:
    """The folder of a run that may go on: it may hold what the run has written.

    Raises:
        ParameterError: the same command would not mean the same run again.
    """
    if given is None or "-" in inputs:
        raise ParameterError(
            "--idempotency-key goes on with the same run, so the command must say --output, and read files instead of "
            "standard input"
        )
    folder = given.expanduser().resolve()
    return folder if folder.is_dir() else output_folder(given, folder.name)


def _is_storable(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def keep_apart(inputs: list[str], output: Path) -> None:
    """Refuse an output folder inside an input folder: results would be read as input, now or next time."""
    for given in map(Path, inputs):
        if given.is_dir() and output.is_relative_to(given.resolve()):
            raise ParameterError(
                f"the output {output} would lie inside the input {given} and be read with it; "
                f"name a folder outside with --output, such as {given.resolve().parent / output.name}"
            )


def create_output(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(
            f"cannot create the output folder {folder}: {error.strerror}; name another with --output"
        ) from error
