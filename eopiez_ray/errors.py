"""Every error that eopiez raises on purpose.

    EopiezError
     ├── InputError                  the user's data
     │    ├── UnreadableInputError       a file or stream that cannot be opened or decoded at all
     │    ├── UnknownColumnError         a column that the input does not have
     │    ├── EmptyCollectionError       nothing to analyse
     │    └── TooManyRejectsError        more bad rows than the run tolerates
     ├── ParameterError              a parameter that a phase or command refuses
     ├── PlanError                   a plan that cannot run
     │    ├── PlanDocumentError          a plan in YAML or JSON is wrong at some place
     │    ├── UnknownPhaseError          a step names a phase that is not registered
     │    └── CycleError                 steps that wait for each other
     ├── PhaseError                  a phase failed while it ran
     │    ├── ContractError              it returned or received what its contract forbids
     │    └── TaskFailedError            its task used up its attempts
     ├── WorkflowError
     │    ├── WorkflowNotFoundError
     │    ├── WorkflowNotFinishedError   its result was asked for too early
     │    ├── WorkflowFailedError
     │    ├── WorkflowCancelledError
     │    ├── WorkflowPausedError        waited for, and paused meanwhile
     │    ├── WorkflowQuarantinedError   set aside, because it could not be driven on
     │    ├── IdempotencyConflictError   a key that was used for another plan
     │    ├── UpdateRefusedError         what was to be changed has started
     │    └── TransitionError            a request that its status does not allow
     ├── StoreError                  the database
     │    ├── DatabaseUnavailableError   it does not answer
     │    ├── DatabaseTooOldError
     │    ├── EmbeddedPostgresError      the embedded server cannot be started
     │    ├── WriteRefusedError          it does not take what is to be written
     │    └── FencedError                another orchestrator holds the workflow now
     ├── ArtifactError               durable data
     │    ├── ArtifactMissingError
     │    └── StorageFullError           no space left
     ├── ClusterError                Ray
     └── ArchiveError                an .eopz archive
          ├── NotAnArchiveError
          ├── DamagedArchiveError
          └── DocumentNotFoundError

Each leaf keeps its facts as attributes, says what happened, to what and what to do next, and survives pickling.
"""

from __future__ import annotations

import copyreg
import json
from typing import Any


class EopiezError(Exception):
    """The root of all errors of eopiez. ``str(error)`` is a whole sentence for a user."""

    exit_code = 1
    """What the command line exits with."""

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class InputError(EopiezError):
    """The user's data cannot be used as it is."""

    exit_code = 65


class UnreadableInputError(InputError):
    """A file or stream that cannot be opened, decompressed or decoded at all."""

    def __init__(self, source: str, reason: str, advice: str = "") -> None:
        super().__init__(f"cannot read {source}: {reason}" + (f"; {advice}" if advice else ""))
        self.source, self.reason = source, reason


class UnknownColumnError(InputError):
    """A column was named that the input does not have."""

    def __init__(self, source: str, column: str, available: list[str], option: str = "") -> None:
        choice = f"; name one of them with {option}" if option else ""
        super().__init__(f"{source} has no column {column!r}; it has {', '.join(available) or 'none'}{choice}")
        self.source, self.column, self.available = source, column, available


class EmptyCollectionError(InputError):
    """There is nothing to analyse."""


class TooManyRejectsError(InputError):
    """More rows were rejected than the step's limit allows."""

    def __init__(self, step: str, rejected: int, total: int, limit: float) -> None:
        super().__init__(
            f"step {step!r} rejected {rejected:,} of {total:,} rows, more than the limit of {limit:.1%}; "
            "read the reasons in the quarantine file, or raise --max-rejects"
        )
        self.step, self.rejected, self.total, self.limit = step, rejected, total, limit


class ParameterError(EopiezError):
    """A parameter that a phase or command refuses; the message names it and what would be right."""

    exit_code = 64

    def __init__(self, message: str, route: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.route = route
        """The parameter of a phase, and the keys that lead on inside it; empty if it is not about a phase's."""


class PlanError(EopiezError):
    """A plan that cannot run; the message names the place."""

    exit_code = 64


class PlanDocumentError(PlanError):
    """A plan in YAML or JSON is wrong; the message begins with the place, as ``file:line:column: keys``."""

    def __init__(
        self,
        file: str,
        problem: str,
        route: tuple[str | int, ...] = (),
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        place = file if line is None else f"{file}:{line}" if column is None else f"{file}:{line}:{column}"
        super().__init__(f"{place}: {_dotted(route)}: {problem}" if route else f"{place}: {problem}")
        self.file, self.problem, self.route, self.line, self.column = file, problem, route, line, column


def _dotted(route: tuple[str | int, ...]) -> str:
    """Keys and positions as one would write them: ``steps.tidy.inputs[0]``, ``steps["ingest.read"].phase``."""
    plain = (f".{part}" if str(part).isidentifier() else f"[{json.dumps(part, ensure_ascii=False)}]" for part in route)
    return "".join(plain).removeprefix(".")


class UnknownPhaseError(PlanError):
    """A step names a phase that is not registered."""

    def __init__(self, name: str, nearest: list[str]) -> None:
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"no phase is named {name!r}{hint}")
        self.name, self.nearest = name, nearest


class CycleError(PlanError):
    """Steps of a plan wait for each other."""

    def __init__(self, plan: str, cycle: list[str]) -> None:
        super().__init__(f"plan {plan!r} has a cycle: {' → '.join(cycle)}; remove one of these inputs")
        self.plan, self.cycle = plan, cycle


class PhaseError(EopiezError):
    """A phase failed while it ran."""


class ContractError(PhaseError):
    """A phase returned or received what its contract forbids; trying again would not help."""


class TaskFailedError(PhaseError):
    """A task used up its attempts."""

    def __init__(self, step: str, partition: int, attempts: int, error_type: str, message: str) -> None:
        super().__init__(
            f"step {step!r}, partition {partition}, failed after {attempts} attempt(s): {error_type}: {message}"
        )
        self.step, self.partition, self.attempts = step, partition, attempts
        self.error_type, self.message = error_type, message


class WorkflowError(EopiezError):
    """A workflow is not what the caller needs it to be."""


class WorkflowNotFoundError(WorkflowError):
    """No workflow has this id."""

    exit_code = 66

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"there is no workflow {workflow_id}; `eopiez list` shows those that exist")
        self.workflow_id = workflow_id


class WorkflowNotFinishedError(WorkflowError):
    """A result was asked for before it was there."""


class WorkflowFailedError(WorkflowError):
    """The workflow failed; finished steps keep their results."""


class WorkflowCancelledError(WorkflowError):
    """The workflow was cancelled."""


class WorkflowPausedError(WorkflowError):
    """The workflow was paused while somebody waited for it."""


class WorkflowQuarantinedError(WorkflowError):
    """Handling the workflow failed in a way that nobody foresaw, and it was set aside so that others go on."""

    exit_code = 70


class IdempotencyConflictError(WorkflowError):
    """The idempotency key was used before, for another plan."""

    def __init__(self, key: str, workflow_id: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} belongs to workflow {workflow_id}, which has another plan; "
            "use a new key, or the plan of before"
        )
        self.key, self.workflow_id = key, workflow_id


class UpdateRefusedError(WorkflowError):
    """What was to be changed of the workflow has started already."""

    def __init__(self, workflow_id: str, reason: str) -> None:
        super().__init__(f"workflow {workflow_id} was not updated: {reason}")
        self.workflow_id, self.reason = workflow_id, reason


class TransitionError(WorkflowError):
    """A request that the workflow's status does not allow."""

    def __init__(self, workflow_id: str, request: str, status: str) -> None:
        super().__init__(f"cannot {request} workflow {workflow_id}: it is {status}")
        self.workflow_id, self.request, self.status = workflow_id, request, status


class StoreError(EopiezError):
    """The database does not do what it should."""

    exit_code = 69


class DatabaseUnavailableError(StoreError):
    """The database does not answer or refuses the login."""


class DatabaseTooOldError(StoreError):
    """The server is older than PostgreSQL 15, or its schema is newer than this program."""


class EmbeddedPostgresError(StoreError):
    """The embedded server cannot be installed or started."""


class WriteRefusedError(StoreError):
    """The database does not take what is to be written; writing the same again would not help."""


class FencedError(StoreError):
    """Another orchestrator has claimed the workflow; this one must drop it and write nothing more."""


class ArtifactError(EopiezError):
    """Durable data cannot be written or read."""

    exit_code = 74


class ArtifactMissingError(ArtifactError):
    """An artifact that a finished task refers to is gone from the store."""


class StorageFullError(ArtifactError):
    """No space is left where artifacts or results are written."""


class ClusterError(EopiezError):
    """Ray cannot be started or reached, or can never run what is asked."""

    exit_code = 69


class ArchiveError(EopiezError):
    """An ``.eopz`` archive cannot be used."""

    exit_code = 65


class NotAnArchiveError(ArchiveError):
    """The file is not an archive at all, or its head or tail is missing."""


class DamagedArchiveError(ArchiveError):
    """Some blocks fail their checksum; the others stay readable."""

    def __init__(self, path: str, blocks: list[int]) -> None:
        shown = ", ".join(map(str, blocks[:10])) + (" …" if len(blocks) > 10 else "")
        super().__init__(f"{path}: {len(blocks)} damaged block(s): {shown}; all other blocks are intact and readable")
        self.path, self.blocks = path, blocks


class DocumentNotFoundError(ArchiveError):
    """The archive holds no document with this id."""
