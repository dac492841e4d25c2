"""What running phases teaches about them: it sizes calls, estimates waits, and is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..model.status import Outcome
from ..model.tasks import Report, TaskKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.plan import PhaseRef
    from ..model.results import Results

NEWEST = 0.3
"""Weight of the newest task in the mean."""


class Profile(NamedTuple):
    """What one task of a phase takes."""

    digest: str
    """Digest of the phase's code."""
    name: str
    version: str
    tasks: int
    """How many tasks were measured."""
    wall_s: float
    """Exponential moving average of seconds."""
    cpu_s: float
    """The same for CPU seconds."""
    peak_bytes: int
    """The most memory that a worker held while it ran one; 0 if none was long enough to be measured."""


class Profiles:
    """Profiles by phase, which ``learn`` follows."""

    def __init__(self, known: Iterable[Profile] = ()) -> None:
        self._known = {profile.digest: profile for profile in known}
        self._learned: dict[str, int] = {}
        """Tasks since ``take_learned``, by phase."""

    def __contains__(self, digest: str) -> bool:
        return digest in self._known

    def wall_s(self, digest: str, default: float) -> float:
        """Seconds that a task is expected to take."""
        known = self._known.get(digest)
        return default if known is None else known.wall_s

    def peak_bytes(self, digest: str) -> int:
        """Peak memory of a worker for one of its tasks; 0 if unknown."""
        known = self._known.get(digest)
        return 0 if known is None else known.peak_bytes

    def learn(self, phase: PhaseRef, report: Report) -> None:
        """Learn from a finished task."""
        known, seconds, cpu_s = self._known.get(phase.digest), report.wall_s, report.cpu_s
        if known is None:
            made = Profile(phase.digest, phase.name, phase.version, 1, seconds, cpu_s, report.peak_bytes)
        else:
            made = Profile(
                phase.digest, phase.name, phase.version, known.tasks + 1,
                (1 - NEWEST) * known.wall_s + NEWEST * seconds, (1 - NEWEST) * known.cpu_s + NEWEST * cpu_s,
                max(known.peak_bytes, report.peak_bytes),
            )  # fmt: skip
        self._known[phase.digest] = made
        self._learned[phase.digest] = self._learned.get(phase.digest, 0) + 1

    def learn_all(self, phase: PhaseRef, results: Results) -> None:
        """Learn from many finished tasks, by their mean."""
        count = results.count
        mean = Report(
            TaskKey(results.step, results.first),
            Outcome.SUCCEEDED,
            wall_s=sum(results.wall_s) / count,
            cpu_s=sum(results.cpu_s) / count,
        )
        self.learn(phase, mean)
        self._learned[phase.digest] += count - 1

    def take_learned(self) -> list[Profile]:
        """The profiles that have changed since the last call, each with the number of tasks since then."""
        learned, self._learned = self._learned, {}
        return [self._known[digest]._replace(tasks=tasks) for digest, tasks in learned.items()]
