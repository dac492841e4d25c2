"""Spans of phases: parts of a task, measured by its phase, which a trace shows inside the task."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

from ..model.failures import exact
from ..model.spans import NAME_CHARACTERS, Spans, attributes_of
from ..model.tasks import TaskSpan
from .context import current_task

if TYPE_CHECKING:
    from .context import TaskContext


class Span:
    """A span under way."""

    __slots__ = ("attributes", "name")

    def __init__(self, name: str, attributes: Mapping[str, object]) -> None:
        self.name, self.attributes = name, dict(attributes)

    def set(self, **attributes: object) -> None:
        """Add facts that were not known when it began."""
        self.attributes.update(attributes)


class _Place(NamedTuple):
    """Where a span under way stands."""

    spans: Spans
    number: int


_AROUND: ContextVar[_Place | None] = ContextVar("eopiez_span", default=None)


@contextmanager
def span(name: str, /, **attributes: object) -> Iterator[Span]:
    """Measure a part of a task. Where traces are exported (``EOPIEZ_OTLP_URL``), it is a span inside the task's; spans
    can hold others. Elsewhere it costs next to nothing.

    >>> with span("fetch", url="https://example.org") as fetching:
    ...     fetching.set(bytes=1256)

    Args:
        name: what the part does; the same for each task, so that a collector can compare them.
        attributes: facts about it. Numbers and truth values go out as they are, all else as text, the first 1,000
            characters of it; 32 at most. They go to the collector as they stand: nothing secret.

    An exception that ends the block ends the span as an error, with its type, and goes on. 1,000 spans of an attempt
    are kept; how many more there were is in the task's log.
    """
    task, measured = current_task(), Span(name, attributes)
    if task.spans is None:
        yield measured
        return
    around, place = _AROUND.get(), _Place(task.spans, task.spans.begin())
    _AROUND.set(place)
    started_at, began, error_type = time.time(), time.perf_counter(), ""
    try:
        yield measured
    except BaseException as error:
        error_type = exact(type(error).__name__, NAME_CHARACTERS)
        raise
    finally:
        if _AROUND.get() is place:  # Not by a token: a source may have gone on in another context.
            _AROUND.set(around)
        parent = around.number if around is not None and around.spans is task.spans else 0
        text, facts = exact(measured.name, NAME_CHARACTERS), attributes_of(measured.attributes)
        wall_s = time.perf_counter() - began
        _keep(TaskSpan(task.attempt, place.number, parent, text, started_at, wall_s, error_type, facts), task)


def _keep(ended: TaskSpan, begun_in: TaskContext) -> None:
    """Keep a span with its task; of a source that was suspended within it, with the task in which it has gone on.

    A generator that nobody needs any more ends in the middle of any other task.
    """
    task = current_task()
    if task is begun_in:
        if task.spans is not None:
            task.spans.add(ended)
    elif task.spans is not None and (task.workflow_id, task.step) == (begun_in.workflow_id, begun_in.step):
        if ended.error_type != GeneratorExit.__name__:
            task.spans.add(ended._replace(attempt=task.attempt, number=task.spans.begin(), parent=0))
