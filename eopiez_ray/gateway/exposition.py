"""Metrics in Prometheus' text form: names, units and a sentence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..store import Drivers
    from ..store.vitals import StatusCount

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposed(counts: Sequence[StatusCount], drivers: Drivers) -> Response:
    """The figures as Prometheus scrapes them."""
    return Response("\n".join(_lines(counts, drivers)) + "\n", media_type=MEDIA_TYPE)


def _lines(counts: Sequence[StatusCount], drivers: Drivers) -> Iterator[str]:
    yield from _head("eopiez_orchestrators", "Orchestrators that hold a lease now.")
    yield f"eopiez_orchestrators {drivers.orchestrators}"
    yield from _head("eopiez_workflows", "Workflows in the store, by project and status.")
    for count in counts:
        yield f'eopiez_workflows{{project="{_escaped(count.project)}",status="{count.status}"}} {count.workflows}'
    yield from _head("eopiez_queue_age_seconds", "Age of the oldest queued workflow of a project.")
    for count in counts:
        if count.longest_queued:
            age = count.longest_queued.total_seconds()
            yield f'eopiez_queue_age_seconds{{project="{_escaped(count.project)}"}} {age:.3f}'


def _head(name: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} gauge"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
