"""Metrics as text, in Prometheus' own form and as OpenMetrics 1.0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ..monitoring.families import Buckets

if TYPE_CHECKING:
    from ..monitoring.catalogue import Metric
    from ..monitoring.families import Family


class Form(StrEnum):
    """How metrics are written, by the media type."""

    PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    JSON = "application/json"


def form_for(accept: str, wanted: str | None) -> Form:
    """The form that a caller wants: by name, or else by what they accept, where Prometheus' own is the usual one."""
    if wanted is not None:
        return Form[wanted.upper()]
    for kind in accept.split(","):
        media = kind.partition(";")[0].strip().lower()
        if media == "application/openmetrics-text":
            return Form.OPENMETRICS
        if media == "application/json":
            return Form.JSON
        if media in {"text/plain", "text/*"}:
            return Form.PROMETHEUS
    return Form.PROMETHEUS


def exposed(families: Iterable[Family], form: Form) -> bytes:
    """Metrics as text."""
    is_open = form is Form.OPENMETRICS
    lines = [line for family in families for line in _Written(family, is_open).lines()]
    return ("\n".join([*lines, "# EOF"] if is_open else lines) + "\n").encode()


@dataclass(frozen=True, slots=True)
class _Written:
    """A metric's lines."""

    family: Family
    is_open: bool

    def lines(self) -> Iterator[str]:
        """All of them."""
        metric = self.family.metric
        name = metric.name.removesuffix("_total") if self.is_open else metric.name
        yield f"# HELP {name} {_escaped(metric.help) if self.is_open else metric.help}"
        yield f"# TYPE {name} {metric.kind}"
        if self.is_open and metric.unit:
            yield f"# UNIT {name} {metric.unit}"
        for labels, value in self.family.values.items():
            written = ",".join(f'{key}="{_escaped(each)}"' for key, each in zip(metric.labels, labels, strict=True))
            if isinstance(value, Buckets):
                yield from _histogram(metric, written, value)
            else:
                yield f"{metric.name}{{{written}}} {_number(value)}" if written else f"{metric.name} {_number(value)}"


def _histogram(metric: Metric, labels: str, value: Buckets) -> Iterator[str]:
    prefix = f"{metric.name}_bucket{{{labels}{',' if labels else ''}le="
    for bound, count in zip((*metric.bounds, float("inf")), value.counts, strict=True):
        yield f'{prefix}"{"+Inf" if bound == float("inf") else bound}"}} {_number(count)}'
    braces = f"{{{labels}}}" if labels else ""
    yield f"{metric.name}_sum{braces} {_number(value.sum)}"
    yield f"{metric.name}_count{braces} {_number(value.count)}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
