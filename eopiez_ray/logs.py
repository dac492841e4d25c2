"""Logs: events with fields, for the standard library's loggers, so that the host program decides where they go."""

from __future__ import annotations

import logging
from typing import Any

import structlog


class Logger(structlog.stdlib.BoundLogger):
    """A logger for which an event below its level costs next to nothing."""

    def info(self, event: str | None = None, *args: Any, **fields: Any) -> Any:
        """Log a normal event."""
        if self._logger.isEnabledFor(logging.INFO):
            return super().info(event, *args, **fields)
        return None


def get_logger(name: str) -> Logger:
    """A logger whose events become ``event='…' field=value`` lines of ``logging.getLogger(name)``."""
    logger: Logger = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=Logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
    ).bind()
    return logger
