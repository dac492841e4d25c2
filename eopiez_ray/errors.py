"""Every error that eopiez raises on purpose.

    EopiezError
     ├── InputError                  the user's data
     │    ├── UnreadableInputError       a file or stream that cannot be opened or decoded at all
     │    ├── UnknownColumnError         a column that the input does not have
     │    ├── EmptyCollectionError       nothing to analyse
     │    └── TooManyRejectsError        more bad rows than the run tolerates
     ├── ParameterError              a parameter that a phase or command refuses
     ├── PlanError                   a plan that cannot run
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
     │    └── TransitionError            a request that its status does not allow
     ├── StoreError                  the database
     │    ├── DatabaseUnavailableError   it does not answer
     │    ├── DatabaseTooOldError
     │    ├── EmbeddedPostgresError      the embedded server cannot be started
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
