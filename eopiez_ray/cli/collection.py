"""A collection to analyse, as a command names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..phases.pipeline import PipelineOptions
    from ..settings import Settings


@dataclass(frozen=True, slots=True)
class Analysis:
    """What to analyse, how, and where the results go."""

    inputs: list[str]
    """Absolute, with ``-`` for standard input; and URLs."""
    options: PipelineOptions
    output: Path
    settings: Settings
    as_json: bool
    project: str | None = None
    idempotency_key: str | None = None

    @property
    def files(self) -> list[str]:
        """Inputs that are read here."""
        return [given for given in self.inputs if not is_url(given)]

    @property
    def urls(self) -> list[str]:
        """Inputs that the gateway downloads."""
        return [given for given in self.inputs if is_url(given)]


def is_url(given: str) -> bool:
    """Whether an input is no file of this machine."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", given) is not None and not given.startswith("file://")
