"""Levels of loggers as somebody has set them for the whole system, while it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...model.log_lines import LevelSetting

OWN = "eopiez_ray"


class Levels:
    """The levels of this process's loggers."""

    def __init__(self, normal: int = logging.INFO) -> None:
        """
        Args:
            normal: of our own loggers, unless the process has said otherwise.
        """
        self._normal = normal
        self._earlier: dict[str, int] = {}
        """What loggers began with whose level was changed here."""

    def begin(self) -> None:
        """Let our own loggers say what is normal."""
        if logging.getLogger(OWN).level == logging.NOTSET:
            self._set(OWN, self._normal)

    def apply(self, settings: Iterable[LevelSetting]) -> None:
        """Set these levels, and give all other loggers back what they began with."""
        wanted = {setting.logger: logging.getLevelNamesMapping()[setting.level.upper()] for setting in settings}
        for logger in self._earlier.keys() - wanted.keys():
            self._restore(logger)
        for logger, level in wanted.items():
            self._set(logger, level)

    def end(self) -> None:
        """Give all loggers back what they began with."""
        for logger in list(self._earlier):
            logging.getLogger(_name(logger)).setLevel(self._earlier.pop(logger))

    def _set(self, logger: str, level: int) -> None:
        found = logging.getLogger(_name(logger))
        if found.level != level:
            self._earlier.setdefault(logger, found.level)
            found.setLevel(level)

    def _restore(self, logger: str) -> None:
        earlier = self._earlier.pop(logger)
        logging.getLogger(_name(logger)).setLevel(earlier)
        if logger == OWN:
            self.begin()


def _name(logger: str) -> str | None:
    """The name under which the standard library knows a logger; the root's is no name."""
    return None if logger == "root" else logger
