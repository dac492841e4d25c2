"""How many concurrent calls a project, an owner, a label or a phase may have, and how these share the rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..model.limits import LimitKey, LimitKind, Owner, Rules
from .run import RunFault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ..machine import Call
    from ..model.policies import Resources
    from .run import Run


class Limits:
    """Counts calls against limits. This orchestrator may use the part of a limit that it holds permits for."""

    def __init__(self) -> None:
        self.rules = Rules()
        self._closed_phases: dict[str, set[str]] = {}
        self.permits: Mapping[LimitKey, int] = {}
        self._busy: Counter[LimitKey] = Counter()

    def adopt(self, rules: Rules, permits: Mapping[LimitKey, int]) -> None:
        """Use these rules and permits from now on."""
        self.rules, self.permits = rules, permits
        self._look()

    def weight(self, owner: Owner) -> float:
        """The owner's share of what the project has, relative to its other owners."""
        return self.rules.weights.get(owner, 1.0)

    def project_weight(self, project: str) -> float:
        """The project's share of the cluster relative to others."""
        return self.rules.project_weights.get(project, 1.0)

    def closed_phases(self, project: str) -> set[str]:
        """Phases of which no more may start in the project; kept up to date, and shared by the packing of its runs."""
        if project not in self._closed_phases:
            self._closed_phases[project] = set()
            self._look()
        return self._closed_phases[project]

    def lets_in_project(self, project: str) -> bool:
        """Whether the project's limit leaves room for one more call."""
        return not self.rules.maxima or all(map(self._is_open, self._limited([_of_project(project)])))

    def lets_in(self, owner: Owner) -> bool:
        """Whether the owner's limits leave room for one more call: asked once, however much the owner has waiting."""
        return not self.rules.maxima or all(map(self._is_open, self._limited(_of_owner(owner))))

    def may_start(self, run: Run, entered: Collection[LimitKey] = ()) -> bool:
        """Whether project, owner and labels leave room for one more call; those ``entered`` are in it already."""
        return not self.rules.maxima or all(key in entered or self._is_open(key) for key in self._of_run(run))

    def leaves_work(self, run: Run, resources: Resources) -> bool:
        """Whether the run wants these resources for any phase that may start."""
        closed = self._closed_phases.get(run.owner.project)
        return not closed or any(
            step.spec.phase.name not in closed and resources in step.wanted() for step in run.state.steps
        )

    def of_calls(self, packed: Iterable[tuple[Run, Call]]) -> frozenset[LimitKey]:
        """The limits that a call with these parts counts against, once each, since its tasks run one by one."""
        if not self.rules.maxima:
            return frozenset()
        found: set[LimitKey] = set()
        for run, call in packed:
            steps = run.state.steps
            phases = {steps[task.key.step].spec.phase.name for task in call.tasks}
            found.update(self._of_run(run), self._limited(_of_phases(run, phases)))
        return frozenset(found)

    def enter(self, keys: Collection[LimitKey]) -> None:
        """Count a call that begins."""
        self._busy.update(keys)
        self._look()

    def leave(self, keys: Collection[LimitKey]) -> None:
        """Count a call that is over."""
        self._busy.subtract(keys)
        self._look()

    def wanted(self, runs: Iterable[Run], slots: int) -> dict[LimitKey, tuple[int, int]]:
        """For each limit that matters here: running calls, and how many could run without it."""
        queued = [run for run in runs if run.queued_for] if self.rules.maxima else []
        owners = {run.owner for run in queued}
        waiting = set(self._limited(key for owner in owners for key in _of_owner(owner)))
        waiting.update(self._limited(_of_project(project) for project in {owner.project for owner in owners}))
        if any(key.kind in {LimitKind.LABEL, LimitKind.PHASE} for key in self.rules.maxima):
            for run in queued:
                waiting.update(self._met_by(run))
        keys = waiting | {key for key, count in self._busy.items() if count and key in self.rules.maxima}
        return {key: (self._busy[key], self._busy[key] + (slots if key in waiting else 0)) for key in keys}

    def _met_by(self, run: Run) -> list[LimitKey]:
        """The limits that hold back, or could hold back, what the run could start.

        Raises:
            RunFault: they cannot be determined.
        """
        try:
            phases = {step.spec.phase.name for step in run.state.steps if step.ready}
            return [*self._of_run(run), *self._limited(_of_phases(run, phases))]
        except Exception as error:
            raise RunFault(run, error) from error

    def why_not(self, run: Run, phase: str) -> Sequence[str]:
        """The limits that keep the phase's tasks from starting."""
        keys = [*self._of_run(run), *self._limited(_of_phases(run, [phase]))]
        return [
            f"{key.kind} {key.name!r} is at its limit, {self._busy[key]} of {self.rules.maxima[key]}"
            for key in keys
            if not self._is_open(key)
        ]

    def _of_run(self, run: Run) -> list[LimitKey]:
        if not self.rules.maxima:
            return []
        labels = [f"{name}={value}" for name, value in run.labels.items()]
        scoped = (LimitKey(LimitKind.LABEL, label, scope) for scope in _scopes(run.owner) for label in labels)
        return self._limited([_of_project(run.owner.project), *_of_owner(run.owner), *scoped])

    def _limited(self, keys: Iterable[LimitKey]) -> list[LimitKey]:
        return [key for key in keys if key in self.rules.maxima]

    def _is_open(self, key: LimitKey) -> bool:
        return self._busy[key] < min(self.permits.get(key, 0), self.rules.maxima.get(key, 0))

    def _look(self) -> None:
        phases = [key for key in self.rules.maxima if key.kind is LimitKind.PHASE]
        if not phases and not any(self._closed_phases.values()):
            return
        closed = [key for key in phases if not self._is_open(key)]
        for project, names in self._closed_phases.items():
            names.clear()
            names.update(key.name for key in closed if key.project in {"", project})


def _scopes(owner: Owner) -> tuple[str, str]:
    """Of what a limit that applies to the owner's calls may be: all projects together, or the owner's alone."""
    return "", owner.project


def _of_project(project: str) -> LimitKey:
    return LimitKey(LimitKind.PROJECT, project)


def _of_owner(owner: Owner) -> list[LimitKey]:
    return [LimitKey(LimitKind.OWNER, owner.name, scope) for scope in _scopes(owner)]


def _of_phases(run: Run, phases: Iterable[str]) -> list[LimitKey]:
    return [LimitKey(LimitKind.PHASE, phase, scope) for phase in phases for scope in _scopes(run.owner)]


def granted(maximum: int, busy: int, wanted: int, others: Sequence[tuple[int, int]]) -> int:
    """The permits of one orchestrator among others that hold some and want some.

    An orchestrator never loses permits that are in use, and all together never hold more than the maximum.

    Args:
        maximum: the limit's maximum.
        busy: how many calls it has running.
        wanted: how many calls it could have running.
        others: what each of the others holds and wants.
    """
    held_elsewhere = sum(held for held, _ in others)
    free = max(0, maximum - held_elsewhere)
    rivals = sum(1 for _, wants in others if wants)
    fair = maximum if not rivals else max(1, maximum // (rivals + 1))
    return max(busy, min(wanted, free, fair))
