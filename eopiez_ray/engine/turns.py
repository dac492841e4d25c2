"""Whose work starts next, kept in order as runs come and go: a decision costs as much for ten thousand as for ten."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

from .run import RunFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.limits import Owner
    from ..model.policies import Resources
    from .limits import Limits
    from .run import Run

_Project = dict["Owner", "OrderedDict[Run, None]"]
"""A project's runs by owner; those that most recently started something come last."""
_Queue = dict[int, dict[str, _Project]]
"""Runs by priority and project."""


class Turns:
    """The runs that want to start something, by the resources they want.

    Priority comes first; then the project with the fewest calls in flight for its weight, and of its owners the one
    with the fewest for its own, so that projects share by weight, and owners what their project has, however much each
    submits; then the owner's runs take turns, oldest first.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queues: dict[Resources, _Queue] = {}
        self._counts: Counter[Resources] = Counter()
        self._busy: Counter[Owner] = Counter()
        """Calls in flight by owner."""
        self._busy_projects: Counter[str] = Counter()

    @property
    def wanted(self) -> dict[Resources, int]:
        """The resources that some run wants, with the highest priority of such a run."""
        return {resources: max(queue) for resources, queue in self._queues.items()}

    def count(self, resources: Resources) -> int:
        """How many runs want these resources."""
        return self._counts[resources]

    def look(self, run: Run) -> None:
        """Update what the run wants."""
        wants = run.wants()
        if wants == run.queued_for:
            return
        for resources in run.queued_for - wants:
            self._leave(run, resources)
        for resources in wants - run.queued_for:
            projects = self._queues.setdefault(resources, {}).setdefault(run.priority, {})
            owners = projects.setdefault(run.owner.project, {})
            owners.setdefault(run.owner, OrderedDict())[run] = None
            self._counts[resources] += 1
        run.queued_for = wants

    def leave(self, run: Run) -> None:
        """Remove a run that starts nothing more."""
        for resources in run.queued_for:
            self._leave(run, resources)
        run.queued_for = frozenset()

    def _leave(self, run: Run, resources: Resources) -> None:
        queue = self._queues[resources]
        projects = queue[run.priority]
        owners = projects[run.owner.project]
        del owners[run.owner][run]
        self._counts[resources] -= 1
        if not owners[run.owner]:
            del owners[run.owner]
        if not owners:
            del projects[run.owner.project]
        if not projects:
            del queue[run.priority]
        if not queue:
            del self._queues[resources]

    def started(self, run: Run) -> None:
        """Note a call of the run in flight: others of its owner go before it now."""
        self._busy[run.owner] += 1
        self._busy_projects[run.owner.project] += 1
        for resources in run.queued_for:
            self._queues[resources][run.priority][run.owner.project][run.owner].move_to_end(run)

    def ended(self, run: Run) -> None:
        """Note that a call of the run is over."""
        self._busy[run.owner] -= 1
        self._busy_projects[run.owner.project] -= 1

    def in_turn(self, resources: Resources) -> Iterator[Run]:
        """The runs that want these resources and that no limit stops, in turn order."""
        queue = self._queues.get(resources, {})
        for priority in sorted(queue, reverse=True):
            projects = queue[priority]
            for project in sorted(filter(self._limits.lets_in_project, projects), key=self._project_share):
                for run in self._in_project(projects[project]):
                    if self._may_start(run, resources):
                        yield run

    def _in_project(self, owners: _Project) -> Iterator[Run]:
        for owner in sorted(filter(self._limits.lets_in, owners), key=self._share):
            yield from owners[owner]

    def _may_start(self, run: Run, resources: Resources) -> bool:
        """Whether no limit stops it.

        Raises:
            RunFault: that cannot be determined.
        """
        try:
            return self._limits.may_start(run) and self._limits.leaves_work(run, resources)
        except Exception as error:
            raise RunFault(run, error) from error

    def _project_share(self, project: str) -> float:
        return self._busy_projects[project] / self._limits.project_weight(project)

    def _share(self, owner: Owner) -> float:
        return self._busy[owner] / self._limits.weight(owner)
