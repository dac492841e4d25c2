"""From a log record to a line of the stream."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ...model.log_lines import LONGEST_MESSAGE, NewLine, Part, at_least

if TYPE_CHECKING:
    from .buffer import Waiting
    from .redaction import Redaction

MOST_FIELDS = 50
LONGEST_FIELD = 4000
"""Characters that are kept of a field's value; of a traceback, the last ones."""
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""Colours and the like, meant for a terminal."""
_PLACED = frozenset({"request_id", "trace_id"})
"""What a line is bound to has columns of its own."""


def line_of(waiting: Waiting, part: Part, redaction: Redaction) -> NewLine:
    """A record as a line, without secrets and bounded."""
    record = waiting.record
    fields = _fields(waiting)
    trace = str(fields.get("trace_id", ""))
    shown = redaction.fields({name: value for name, value in fields.items() if name not in _PLACED})
    event = redaction.text(_STYLE.sub("", str(getattr(record, "event", None) or _message(record))))
    return NewLine(
        at=record.created,
        level=at_least(record.levelname),
        part=part,
        process=f"{socket.gethostname()}:{os.getpid()}",
        logger=record.name[:255],
        message=_cut(event + _rest(shown), LONGEST_MESSAGE),
        fields={name[:255]: _bounded(name, value) for name, value in [*shown.items()][:MOST_FIELDS]},
        request_id=str(fields.get("request_id") or fields.get("request") or "")[:64],
        trace_id=trace if _TRACE_ID.fullmatch(trace) else "",
        workflow_id=_id(fields.get("workflow") or fields.get("workflow_id")),
    )


def dropped_line(dropped: int, at: float, part: Part) -> NewLine:
    """The line that says that others are missing."""
    return NewLine(
        at=at, level="warning", part=part, process=f"{socket.gethostname()}:{os.getpid()}", logger=__name__,
        message=f"log lines were dropped: there were too many at once: dropped={dropped}", fields={"dropped": dropped},
    )  # fmt: skip


def _fields(waiting: Waiting) -> dict[str, Any]:
    own = getattr(waiting.record, "fields", None)
    exception = {"exception": waiting.exception} if waiting.exception else {}
    return {**waiting.bound, **(own if isinstance(own, Mapping) else {}), **exception}


def _message(record: Any) -> str:
    """What the record says; a record whose arguments do not fit says that."""
    try:
        return str(record.getMessage())
    except Exception as error:  # noqa: BLE001 - arguments of anybody's log call can fail in any way.
        return f"{record.msg} (its arguments do not fit: {error})"


def _rest(fields: Mapping[str, Any]) -> str:
    """The fields as text, so that a search finds them too."""
    return "".join(f" {name}={value}" for name, value in fields.items())


def _bounded(name: str, value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_FIELD:
        return f"…{value[-LONGEST_FIELD:]}" if name == "exception" else _cut(value, LONGEST_FIELD)
    if isinstance(value, dict | list) and len(str(value)) > LONGEST_FIELD:
        return _cut(str(value), LONGEST_FIELD)
    return value


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _id(value: Any) -> UUID | None:
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None
