"""Results of many tasks in columns: the reports of a thousand plain successes cost little to send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from .status import Outcome
from .tasks import Output, Report, TaskKey

FEWEST = 8
"""How many consecutive reports make columns worthwhile."""


@dataclass(frozen=True, slots=True)
class Results:
    """Successes of consecutive tasks of one step, with nothing to report but their outputs."""

    step: int
    first: int
    """The first partition."""
    worker: str
    digests: Sequence[bytes]
    sizes: Sequence[int]
    forms: Sequence[str]
    inlines: Sequence[bytes | None]
    rows: Sequence[int]
    started_at: Sequence[float]
    wall_s: Sequence[float]
    cpu_s: Sequence[float]

    @property
    def count(self) -> int:
        """The number of tasks."""
        return len(self.digests)

    @property
    def partitions(self) -> range:
        """Their partitions."""
        return range(self.first, self.first + len(self.digests))

    def output(self, number: int) -> Output:
        """The output of the task at that position in these results."""
        return Output(self.digests[number], self.sizes[number], self.forms[number], self.inlines[number])

    def reports(self) -> Iterator[Report]:
        """The reports, one by one."""
        for number, partition in enumerate(self.partitions):
            yield Report(
                TaskKey(self.step, partition), Outcome.SUCCEEDED, self.output(number), self.rows[number],
                self.started_at[number], self.wall_s[number], self.cpu_s[number], worker=self.worker,
            )  # fmt: skip


def condensed(reports: Iterable[Report], fewest: int = FEWEST) -> list[Report | Results]:
    """The reports in order; runs of at least ``fewest`` with nothing to report but outputs become columns."""
    found: list[Report | Results] = []
    for group, members in groupby(enumerate(reports), _group):
        run = [report for _, report in members]
        if group is None or len(run) < fewest:
            found += run
        else:
            found.append(_columns(run))
    return found


def _group(numbered: tuple[int, Report]) -> tuple[int, int] | None:
    """A key that is equal for reports that fit the same columns; None for a report that must stay by itself."""
    number, report = numbered
    is_plain = report.output is not None and not (
        report.rejects or report.logs or report.is_last or report.is_cached or report.peak_bytes or report.spans
    )
    return (report.key.step, report.key.partition - number) if is_plain else None


def _columns(run: Sequence[Report]) -> Results:
    outputs = [report.output for report in run if report.output is not None]
    return Results(
        run[0].key.step, run[0].key.partition, run[0].worker,
        [output.digest for output in outputs], [output.size for output in outputs],
        [output.form for output in outputs], [output.inline for output in outputs],
        [report.rows for report in run], [report.started_at for report in run],
        [report.wall_s for report in run], [report.cpu_s for report in run],
    )  # fmt: skip


def expanded(reports: Iterable[Report | Results]) -> Iterator[Report]:
    """All reports, one by one."""
    for report in reports:
        if isinstance(report, Results):
            yield from report.reports()
        else:
            yield report
