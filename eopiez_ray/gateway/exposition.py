"""Metrics as text, in Prometheus' own form and as OpenMetrics 1.0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from ..monitoring.catalogue import Kind
from ..monitoring.families import Buckets

if TYPE_CHECKING:
    from ..monitoring.catalogue import Metric
    from ..monitoring.families import Family


class Form(StrEnum):
    """How metrics are written, by the media type."""

    PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    JSON = "application/json"


_BY_MEDIA = {
    "application/openmetrics-text": Form.OPENMETRICS, "application/json": Form.JSON, "text/plain": Form.PROMETHEUS,
    "text/*": Form.PROMETHEUS, "*/*": Form.PROMETHEUS,
}  # fmt: skip
_WEIGHT = re.compile(r"[01](\.\d{0,3})?")


def form_for(accept: str, wanted: str | None) -> Form:
    """The form that a caller wants: by name, or else by what they accept, where Prometheus' own is the usual one."""
    if wanted is not None:
        return Form[wanted.upper()]
    ranked = sorted(map(_preference, accept.split(",")), key=lambda each: -each[1])
    return next((_BY_MEDIA[media] for media, weight in ranked if media in _BY_MEDIA and weight > 0), Form.PROMETHEUS)


def _preference(kind: str) -> tuple[str, float]:
    """A media type that a caller accepts, and how gladly (RFC 9110, 12.4.2)."""
    media, *parameters = (part.strip().lower() for part in kind.split(";"))
    weight = next((part.removeprefix("q=") for part in parameters if part.startswith("q=")), "1")
    return media, float(weight) if _WEIGHT.fullmatch(weight) else 0.0


def exposed(families: Iterable[Family], form: Form) -> bytes:
    """Metrics as text."""
    is_open = form is Form.OPENMETRICS
    lines = [line for family in families for line in _lines(family, is_open=is_open)]
    return ("\n".join([*lines, "# EOF"] if is_open else lines) + "\n").encode()


def _lines(family: Family, *, is_open: bool) -> Iterator[str]:
    """A metric's lines."""
    metric = family.metric
    name = metric.name.removesuffix("_total") if is_open else metric.name
    yield f"# HELP {name} {_escaped(metric.help) if is_open else metric.help}"
    yield f"# TYPE {name} {metric.kind}"
    if is_open and metric.unit:
        yield f"# UNIT {name} {metric.unit}"
    for head, value in zip(_heads(metric, tuple(family.values)), _numbers(family.values.values()), strict=True):
        yield head + value


@lru_cache(maxsize=512)
def _heads(metric: Metric, values: tuple[tuple[str, ...], ...]) -> list[str]:
    """What each line of a metric says before its number. From one scrape to the next, this hardly changes."""
    heads = []
    for labels in values:
        written = ",".join(f'{key}="{_escaped(each)}"' for key, each in zip(metric.labels, labels, strict=True))
        braces = f"{{{written}}}" if written else ""
        if metric.kind is not Kind.HISTOGRAM:
            heads.append(f"{metric.name}{braces} ")
            continue
        comma = "," if written else ""
        heads += [f'{metric.name}_bucket{{{written}{comma}le="{bound}"}} ' for bound in (*metric.bounds, "+Inf")]
        heads += [f"{metric.name}_sum{braces} ", f"{metric.name}_count{braces} "]
    return heads


def _numbers(values: Iterable[float | Buckets]) -> Iterator[str]:
    """The numbers of a metric's lines, in their order."""
    for value in values:
        if isinstance(value, Buckets):
            yield from map(_number, value.counts)
            yield _number(value.sum)
            yield _number(value.count)
        else:
            yield _number(value)


def _number(value: float) -> str:
    """A number without a fraction where there is none."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
