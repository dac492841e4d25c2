"""Logs: events with fields, for the standard library's loggers, so that the host program decides where they go."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

bound = structlog.contextvars.bound_contextvars
"""``with bound(request_id=…):`` whatever is logged inside the block belongs to that request."""
surroundings = structlog.contextvars.get_contextvars
"""What the running code is bound to."""


class Logger(structlog.stdlib.BoundLogger):
    """A logger for which an event below its level costs next to nothing."""

    def debug(self, event: str | None = None, *args: Any, **fields: Any) -> Any:
        """Log an event that is of interest to whoever looks for a fault."""
        if self._logger.isEnabledFor(logging.DEBUG):
            return super().debug(event, *args, **fields)
        return None

    def info(self, event: str | None = None, *args: Any, **fields: Any) -> Any:
        """Log a normal event."""
        if self._logger.isEnabledFor(logging.INFO):
            return super().info(event, *args, **fields)
        return None


_rendered = structlog.processors.KeyValueRenderer(key_order=["event"])


def _with_fields(
    logger: Any, name: str, event: MutableMapping[str, Any]
) -> tuple[tuple[str], dict[str, dict[str, Any]]]:
    """The event as a line of text, and beside it as the attributes ``event`` and ``fields`` of the log record."""
    said = event.get("event")
    fields = {key: value for key, value in event.items() if key != "event"}
    return (_rendered(logger, name, event),), {"extra": {"event": said, "fields": fields}}


def get_logger(name: str) -> Logger:
    """A logger whose events become ``event='…' field=value`` lines of ``logging.getLogger(name)``."""
    logger: Logger = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=Logger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            _with_fields,
        ],
    ).bind()
    return logger
