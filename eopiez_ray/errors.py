"""Every error that eopiez raises on purpose.

    EopiezError
     ├── InputError                  the user's data
     │    ├── UnreadableInputError       a file or stream that cannot be opened or decoded at all
     │    ├── UnknownColumnError         a column that the input does not have
     │    ├── EmptyCollectionError       nothing to analyse
     │    └── TooManyRejectsError        more bad rows than the run tolerates
     ├── ParameterError              a parameter that a phase or command rejects
     │    └── CertificateError           a certificate or its key that the gateway, or its client, cannot use
     ├── PlanError                   a plan that cannot run
     │    ├── PlanDocumentError          a plan in YAML or JSON is wrong at a known place
     │    ├── UnknownPhaseError          a step names a phase that is not registered
     │    └── CycleError                 steps that wait for each other
     ├── PhaseError                  a phase failed while it ran
     │    ├── ContractError              it returned or received what its contract forbids
     │    │    └── ServiceRefusedError       a service refuses what it is sent
     │    ├── ServiceFailedError         a service did not answer, or not as it should
     │    └── TaskFailedError            its task used up its attempts
     ├── WorkflowError
     │    ├── WorkflowNotFoundError
     │    ├── WorkflowNotFinishedError   its result was asked for too early
     │    ├── WorkflowFailedError
     │    ├── WorkflowCancelledError
     │    ├── WorkflowPausedError        paused while someone waited for it
     │    ├── WorkflowQuarantinedError   set aside, because it could not be driven any further
     │    ├── IdempotencyConflictError   a key that was used for another plan
     │    ├── UpdateRefusedError         the part to be changed has started
     │    └── TransitionError            a request that its status does not allow
     ├── ProjectError
     │    ├── ProjectNotFoundError
     │    ├── ProjectExistsError
     │    ├── ProjectNotEmptyError       it still has workflows
     │    └── ProjectBusyError           its workflows are under way or may go on
     ├── StoreError                  the database
     │    ├── DatabaseUnavailableError   it does not answer
     │    ├── DatabaseTooOldError
     │    ├── EmbeddedPostgresError      the embedded server cannot be started
     │    ├── WriteRefusedError          it refuses what is to be written
     │    ├── SealedError                it holds a secret that another key has sealed
     │    └── FencedError                another orchestrator holds the workflow now
     ├── EncryptionError             data that is encrypted at rest
     │    ├── MasterKeyError             a master key is missing or wrong, or the key service does not answer
     │    ├── DataKeyMissingError        the key of what is to be read is not at hand, or was destroyed
     │    └── SealDamagedError           what is encrypted was changed, cut, or moved to another place
     ├── ArtifactError               durable data
     │    ├── ArtifactMissingError
     │    │    └── ArtifactDamagedError     it is not what was written
     │    └── StorageFullError           no space left
     │         └── DatabaseFullError        where the database is: it is unavailable until there is some
     ├── AccessError                 who asks, and whether they may
     │    ├── NotSignedInError           no credentials, or none that hold
     │    │    └── SecondFactorNeededError  the password holds, and a code is needed as well
     │    ├── ForbiddenError             their role does not allow it
     │    │    ├── PasswordChangeNeededError  nothing else before that
     │    │    └── CrossSiteError        a cookie, sent by somebody else's page
     │    ├── TooManyRequestsError       to be tried again later
     │    └── IdentityProviderError      it does not answer, or not as it should
     ├── AccountError                users, members, sessions, keys
     │    ├── WeakPasswordError
     │    ├── NoSuchAccountError         no user, member, session, key or invitation like that
     │    ├── AccountExistsError
     │    └── ChangedMeanwhileError      somebody else was first
     ├── ErasureWaitsError           what is to be erased is under way
     ├── AuditError                  the audit log was tampered with
     ├── NotDeliveredError           nobody took the message of an alert
     ├── ClusterError                Ray
     ├── GatewayError                an answer of a gateway that none of the others stands for
     │    ├── UntrustedGatewayError      its certificate is none that is trusted here
     │    └── GatewayUnavailableError    it does not answer, or not in time
     ├── AlreadyUpError              a system is up under this data home
     ├── PortTakenError              something else listens where the gateway should, or Prometheus
     ├── PartFailedError             a part of the system did not start
     ├── BackupError                 a backup cannot be made, read or restored
     │    ├── BackupKeyError             no key, or another one than the backups were made with
     │    ├── RepositoryBusyError        somebody else is at work there
     │    ├── BackupNotFoundError        no backup of that id, or of that moment
     │    └── DamagedBackupError         something in it was changed, or is missing
     ├── BundleError                 what `eopiez export` has written, or somebody else
     │    ├── NotABundleError            it is none, or of a newer format
     │    └── DamagedBundleError         something in it was changed, is missing, or does not belong there
     ├── ArrivalRefusedError         other workflows have the ids of those that are imported
     └── ArchiveError                an .eopz archive
          ├── NotAnArchiveError
          ├── DamagedArchiveError
          └── DocumentNotFoundError

Each error keeps its facts as attributes, says what happened, to what and what to do next, and survives pickling.
"""

from __future__ import annotations

import copyreg
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

_HERE = str(Path(__file__).parent)


class EopiezError(Exception):
    """The root of all eopiez errors. ``str(error)`` is a complete sentence for the user."""

    exit_code = 1
    """Exit code of the command line."""

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the lines of the user's own that led here, and the sentence. ``EOPIEZ_DEBUG=1`` shows
        the frames of eopiez and of libraries, too."""
        foreign = () if os.environ.get("EOPIEZ_DEBUG") == "1" else (sys.prefix, sys.base_prefix, _HERE)
        frames = [each for each in traceback.extract_tb(self.__traceback__) if not each.filename.startswith(foreign)]
        told = f"{type(self).__name__}: {self}"
        shown = "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in told)
        return [line for text in [*traceback.format_list(frames), shown] for line in text.splitlines()]


class InputError(EopiezError):
    """The user's data cannot be used as it is."""

    exit_code = 65


class UnreadableInputError(InputError):
    """A file or stream that cannot be opened, decompressed or decoded at all."""

    def __init__(self, source: str, reason: str, advice: str = "") -> None:
        super().__init__(f"cannot read {source}: {reason}" + (f"; {advice}" if advice else ""))
        self.source, self.reason = source, reason


class UnknownColumnError(InputError):
    """The input does not have the column that was named."""

    def __init__(self, source: str, column: str, available: list[str], option: str = "") -> None:
        choice = f"; choose one with {option}" if option else ""
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
    """A phase or command rejects a parameter; the message names it and says what it should be."""

    exit_code = 64

    def __init__(self, message: str, route: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.route = route
        """The phase's parameter and the keys inside it; empty if this is not about a phase's parameter."""


class CertificateError(ParameterError):
    """A certificate, its private key or a file of authorities cannot be used."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"{setting}: {reason}")
        self.setting, self.reason = setting, reason


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
    """Keys and positions in code notation: ``steps.tidy.inputs[0]``, ``steps["ingest.read"].phase``."""
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
        super().__init__(f"plan {plan!r} has a cycle: {' → '.join(cycle)}; remove one of these dependencies")
        self.plan, self.cycle = plan, cycle


class PhaseError(EopiezError):
    """A phase failed while it ran."""


class ContractError(PhaseError):
    """A phase returned or received what its contract forbids; a retry would not help."""


class ServiceRefusedError(ContractError):
    """A service refuses what it is sent, and would refuse it again."""

    def __init__(self, service: str, status: int, answer: str) -> None:
        super().__init__(f"service {service!r} refuses the input with status {status}: {answer}")
        self.service, self.status, self.answer = service, status, answer


class ServiceFailedError(PhaseError):
    """A service did not answer, or not as it should; another attempt may help."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"service {service!r} did not answer as it should: {reason}")
        self.service, self.reason = service, reason


class TaskFailedError(PhaseError):
    """A task used up its attempts."""

    def __init__(self, step: str, partition: int, attempts: int, error_type: str, message: str) -> None:
        super().__init__(
            f"step {step!r}, partition {partition}, failed after {attempts} attempt(s): {error_type}: {message}"
        )
        self.step, self.partition, self.attempts = step, partition, attempts
        self.error_type, self.message = error_type, message


class WorkflowError(EopiezError):
    """A workflow is not in the state the caller needs."""


class WorkflowNotFoundError(WorkflowError):
    """No workflow has this id."""

    exit_code = 66

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"there is no workflow {workflow_id}; `eopiez list` shows the existing ones")
        self.workflow_id = workflow_id


class WorkflowNotFinishedError(WorkflowError):
    """A result was asked for before it was available."""


class WorkflowFailedError(WorkflowError):
    """The workflow failed; finished steps keep their results."""


class WorkflowCancelledError(WorkflowError):
    """The workflow was cancelled."""


class WorkflowPausedError(WorkflowError):
    """The workflow was paused while someone waited for it."""


class WorkflowQuarantinedError(WorkflowError):
    """The workflow could not be handled because of an unexpected error, and was set aside so that others continue."""

    exit_code = 70


class IdempotencyConflictError(WorkflowError):
    """The idempotency key was already used for another plan."""

    def __init__(self, key: str, workflow_id: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} belongs to workflow {workflow_id}, which has another plan; "
            "use a new key, or the original plan"
        )
        self.key, self.workflow_id = key, workflow_id


class UpdateRefusedError(WorkflowError):
    """The part of the workflow to be changed has already started."""

    def __init__(self, workflow_id: str, reason: str) -> None:
        super().__init__(f"workflow {workflow_id} was not updated: {reason}")
        self.workflow_id, self.reason = workflow_id, reason


class TransitionError(WorkflowError):
    """A request that the workflow's status does not allow."""

    def __init__(self, workflow_id: str, request: str, status: str) -> None:
        super().__init__(f"cannot {request} workflow {workflow_id}: it is {status}")
        self.workflow_id, self.request, self.status = workflow_id, request, status


class ProjectError(EopiezError):
    """A request about a project that cannot be fulfilled."""

    exit_code = 66


class ProjectNotFoundError(ProjectError):
    """There is no project of this name."""

    def __init__(self, project: str) -> None:
        super().__init__(f"there is no project {project!r}; check the name, or create it first")
        self.project = project


class ProjectExistsError(ProjectError):
    """There is a project of this name already."""

    def __init__(self, project: str) -> None:
        super().__init__(f"there is a project {project!r} already; choose another name")
        self.project = project


class ProjectNotEmptyError(ProjectError):
    """A project that still has workflows is not deleted."""

    def __init__(self, project: str) -> None:
        super().__init__(f"the project {project!r} still has workflows; delete them before the project")
        self.project = project


class ProjectBusyError(ProjectError):
    """A project whose workflows are under way, or may go on, keeps its data."""

    def __init__(self, project: str) -> None:
        super().__init__(
            f"the project {project!r} has workflows that are under way or may go on; cancel them, or wait for their end"
        )
        self.project = project


class StoreError(EopiezError):
    """The database does not work as it should."""

    exit_code = 69


class DatabaseUnavailableError(StoreError):
    """The database does not answer or refuses the login."""


class DatabaseTooOldError(StoreError):
    """The server is older than PostgreSQL 15, or its schema is newer than this program."""


class EmbeddedPostgresError(StoreError):
    """The embedded server cannot be installed or started."""


class WriteRefusedError(StoreError):
    """The database refuses what is to be written; a retry would not help."""


class SealedError(StoreError):
    """The database holds a secret that was sealed with another key than ``EOPIEZ_SECRET_KEY``."""

    exit_code = 78


class FencedError(StoreError):
    """Another orchestrator has claimed the workflow; this one must drop it and stop writing."""


class EncryptionError(EopiezError):
    """Data cannot be encrypted or decrypted."""

    exit_code = 78


class MasterKeyError(EncryptionError):
    """A master key is missing or wrong, or the key service does not answer."""


class DataKeyMissingError(EncryptionError):
    """The data key of what is to be read is not at hand."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(
            f"{what} is encrypted under data key {key}, which is not at hand: the key was destroyed, or this process "
            "has no master keys; `eopiez encrypt status` lists the keys, EOPIEZ_ENCRYPTION_KEY_FILE names the master "
            "keys"
        )
        self.key, self.what = key, what


class SealDamagedError(EncryptionError):
    """What is encrypted was changed, cut, or moved to another place."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} cannot be decrypted: its ciphertext is damaged or belongs elsewhere; nothing of it is shown, "
            "restore it from a backup"
        )
        self.what = what


class ArtifactError(EopiezError):
    """Durable data cannot be written or read."""

    exit_code = 74


class ArtifactMissingError(ArtifactError):
    """An artifact that a finished task refers to is missing from the store."""


class ArtifactDamagedError(ArtifactMissingError):
    """What is in the store under an artifact's name is not what was written; it is set aside once that is seen."""


class StorageFullError(ArtifactError):
    """No space is left where artifacts or results are written."""


class DatabaseFullError(StorageFullError, DatabaseUnavailableError):
    """The database has no disk space left. Whoever waits for a database that is away waits for this one, too."""


class AccessError(EopiezError):
    """Who asks is unknown, or may not do this."""

    exit_code = 77


class NotSignedInError(AccessError):
    """There are no credentials, or they do not hold. It never says which of them, or whether an account exists."""


class SecondFactorNeededError(NotSignedInError):
    """The password holds; a code of the second factor, or a recovery code, is needed as well."""


class ForbiddenError(AccessError):
    """The caller is known, and may not do this."""


class PasswordChangeNeededError(ForbiddenError):
    """An initial password has to be changed before anything else is allowed."""


class CrossSiteError(ForbiddenError):
    """A request with a cookie does not show that a page of ours sent it."""


class TooManyRequestsError(AccessError):
    """Too many requests or attempts."""

    exit_code = 75

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Seconds after which another one is allowed."""


class IdentityProviderError(AccessError):
    """The identity provider does not answer, or not as it should."""

    exit_code = 69


class AccountError(EopiezError):
    """A user, membership, session or key cannot be changed like that."""


class WeakPasswordError(AccountError):
    """A new password is too short, too long, or easily guessed."""

    exit_code = 64


class NoSuchAccountError(AccountError):
    """There is no user, member, session, key or invitation like that, or the caller may not know of it."""

    exit_code = 66


class AccountExistsError(AccountError):
    """The login or name is taken."""


class ChangedMeanwhileError(AccountError):
    """Somebody else changed it since it was read; read it again."""


class ErasureWaitsError(EopiezError):
    """What is to be erased is under way, or may go on."""

    exit_code = 75

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count:,} of the workflows to be erased are under way; cancel them, or wait for their end, and try again"
        )
        self.count = count


class AuditError(EopiezError):
    """The audit log was changed, cut or reordered."""


class NotDeliveredError(EopiezError):
    """Nobody took the message of an alert; it is sent again later."""


class ClusterError(EopiezError):
    """Ray cannot be started or reached, or can never run what it is asked to."""

    exit_code = 69


class GatewayError(EopiezError):
    """A gateway refused a request, or answered what cannot be understood."""

    exit_code = 69

    def __init__(
        self, message: str, *, status: int = 0, type: str = "", detail: str = "", hint: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.type, self.detail, self.hint, self.request_id = status, type, detail, hint, request_id
        """The HTTP status, 0 if there was no answer; the problem's fields (RFC 9457); the id that the log there has."""


class UntrustedGatewayError(GatewayError):
    """What answers shows no certificate that is trusted here, so nothing was sent."""


class GatewayUnavailableError(GatewayError):
    """A gateway does not answer, or a part of what is behind it is away."""


class AlreadyUpError(EopiezError):
    """A system is already up under this data home."""

    exit_code = 75

    def __init__(self, home: str) -> None:
        super().__init__(f"a system is already up under {home}; `eopiez status` shows it, `eopiez down` stops it")
        self.home = home


class PortTakenError(EopiezError):
    """Something else listens where the gateway should, or Prometheus."""

    exit_code = 69

    def __init__(self, host: str, port: int, reason: str, remedy: str) -> None:
        super().__init__(f"port {port} is taken on {host} ({reason.lower()}); stop what listens there, or {remedy}")
        self.host, self.port, self.reason = host, port, reason


class PartFailedError(EopiezError):
    """A part of the system did not start."""

    exit_code = 69

    def __init__(self, part: str, last_words: str, log: str) -> None:
        said = f":\n{last_words}" if last_words else ""
        super().__init__(f"the {part} did not start; its log is {log}{said}")
        self.part, self.last_words, self.log = part, last_words, log


class BackupError(EopiezError):
    """A backup cannot be made, read or restored."""

    exit_code = 74


class BackupKeyError(BackupError):
    """There is no key of backups, or the backups were made with another one."""

    exit_code = 78


class RepositoryBusyError(BackupError):
    """Somebody else is at work in a repository of backups."""

    exit_code = 75


class BackupNotFoundError(BackupError):
    """There is no such backup."""

    exit_code = 66

    def __init__(self, backup: str, url: str) -> None:
        super().__init__(f"there is no backup {backup!r} at {url}; `eopiez backup list` shows those that there are")
        self.backup, self.url = backup, url


class DamagedBackupError(BackupError):
    """Something in a repository of backups is missing, or was changed."""

    exit_code = 65

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"{place} of the backups is damaged: {reason}; restore another backup, or copy the repository back"
        )
        self.place, self.reason = place, reason


class BundleError(EopiezError):
    """A file of `eopiez export` cannot be used."""

    exit_code = 65


class NotABundleError(BundleError):
    """It is no such file, or one of a newer format."""


class DamagedBundleError(BundleError):
    """Something in it was changed, is missing, or does not belong there."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place} is damaged: {reason}; nothing was imported: export it again, or copy it again")
        self.place, self.reason = place, reason


class ArrivalRefusedError(EopiezError):
    """Workflows cannot be imported under their ids."""

    exit_code = 73

    def __init__(self, ids: list[str], were_erased: bool = False) -> None:
        shown = ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")
        reason = "other workflows have, or erased ones had," if were_erased else "other workflows have"
        super().__init__(
            f"nothing was imported, since {reason} the ids of {len(ids):,} of these here: {shown}; "
            "give --copy to import all under new ids"
        )
        self.ids, self.were_erased = ids, were_erased


class ArchiveError(EopiezError):
    """An ``.eopz`` archive cannot be used."""

    exit_code = 65


class NotAnArchiveError(ArchiveError):
    """The file is not an archive, or its head or tail is missing."""


class DamagedArchiveError(ArchiveError):
    """Some blocks fail their checksum; the others stay readable."""

    def __init__(self, path: str, blocks: list[int]) -> None:
        shown = ", ".join(map(str, blocks[:10])) + (" …" if len(blocks) > 10 else "")
        super().__init__(f"{path}: {len(blocks)} damaged block(s): {shown}; all other blocks are intact and readable")
        self.path, self.blocks = path, blocks


class DocumentNotFoundError(ArchiveError):
    """The archive holds no document with this id."""
