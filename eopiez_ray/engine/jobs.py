"""Ray jobs: programs that run on a cluster as drivers, submitted from elsewhere over its dashboard's port."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ClusterError, ParameterError
from ..logs import get_logger
from ..settings import FOLDER, Settings, ray_job, secrets, variable

if TYPE_CHECKING:
    from ..model.ids import WorkflowId

WORKFLOW = "workflow"
"""Key in a job's metadata under which the first workflow that it drives is written."""
DASHBOARD = "http://127.0.0.1:8265"
"""Where a cluster's dashboard listens unless told otherwise."""
NOTE_S = 5

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as Ray knows it."""

    id: str
    """Its submission id."""
    status: str
    """pending, running, succeeded, failed or stopped."""
    command: str
    workflow: str
    """The first workflow that it drives; empty until there is one."""
    message: str
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewJob:
    """What to submit."""

    command: Sequence[str]
    """Program and arguments."""
    variables: Mapping[str, str]
    """What its environment has besides the nodes' own. Everybody who may look at the dashboard sees them."""
    folder: Path | None = None
    """Sent along, and the working folder of the job and of its workers."""
    id: str | None = None
    """Made up by Ray if None."""


class Jobs:
    """The jobs of one cluster.

    Every method raises ``ClusterError`` if the cluster does not answer or refuses the token, and ``ParameterError`` if
    there is no such job, or one of that id already.
    """

    def __init__(self, address: str | None = None) -> None:
        """``address`` is the URL of the dashboard; by default that of ``RAY_ADDRESS``, else on this machine."""
        from ray.job_submission import JobSubmissionClient

        given = address or os.environ.get("RAY_ADDRESS", "")
        self.address = given if "://" in given else DASHBOARD
        os.environ["RAY_ADDRESS"] = self.address  # For Ray, the variable goes before the argument.
        with self._translated():
            self._client: Any = JobSubmissionClient(self.address)

    def submit(self, wanted: NewJob) -> str:
        """Submit a job; its id."""
        environment: dict[str, Any] = {"env_vars": dict(wanted.variables)}
        if wanted.folder is not None:
            environment["working_dir"] = str(wanted.folder)
        with self._translated():
            return str(
                self._client.submit_job(
                    entrypoint=shlex.join(wanted.command), runtime_env=environment, submission_id=wanted.id
                )
            )

    def list(self) -> list[Job]:
        """All submitted jobs, newest first."""
        with self._translated():
            found = [_job(details) for details in self._client.list_jobs() if details.submission_id]
        return sorted(found, key=lambda job: job.started_at or datetime.max.replace(tzinfo=UTC), reverse=True)

    def get(self, job: str) -> Job:
        """One job."""
        with self._translated():
            return _job(self._client.get_job_info(job))

    def log(self, job: str) -> str:
        """What the job has printed so far."""
        with self._translated():
            return str(self._client.get_job_logs(job))

    def follow(self, job: str) -> Iterator[str]:
        """What the job prints, until it ends."""
        lines: AsyncIterator[str] = self._client.tail_job_logs(job)
        with asyncio.Runner() as runner, self._translated():
            while True:
                try:
                    yield runner.run(_next(lines))
                except StopAsyncIteration:
                    return

    def stop(self, job: str) -> bool:
        """Ask it to end, and kill it if it does not within Ray's limit; whether it was running."""
        with self._translated():
            return bool(self._client.stop_job(job))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Ray's errors as ours: it has one for all, with the answer in its text."""
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as error:
            raise ClusterError(
                f"the Ray cluster at {self.address} refuses this token: {_first_line(error)}; copy the cluster's into "
                "~/.ray/auth_token or RAY_AUTH_TOKEN, and set RAY_AUTH_MODE=token"
            ) from error
        except ConnectionError as error:
            raise ClusterError(
                f"no Ray cluster answers at {self.address}: {_first_line(error)}; name the URL of its dashboard "
                "with --address or RAY_ADDRESS"
            ) from error
        except RuntimeError as error:
            if "status code 404" in str(error) or "already exists" in str(error):
                raise ParameterError(f"Ray refuses: {_reason(error)}; `eopiez job list` shows the jobs") from error
            raise ClusterError(f"the Ray cluster at {self.address} refuses: {_reason(error)}") from error
        except ValueError as error:
            raise ParameterError(f"Ray cannot submit this: {_first_line(error)}") from error


async def _next(lines: AsyncIterator[str]) -> str:
    return await anext(lines)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _reason(error: Exception) -> str:
    """The last line of what the cluster answered, which for a failed request is the end of a traceback."""
    lines = [line for line in str(error).splitlines() if line.strip(" .")]
    return lines[-1].strip() if lines else type(error).__name__


def _job(details: Any) -> Job:
    return Job(
        details.submission_id,
        str(details.status.value).lower(),
        details.entrypoint,
        (details.metadata or {}).get(WORKFLOW, ""),
        details.message or "",
        _moment(details.start_time),
        _moment(details.end_time),
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return None if not milliseconds else datetime.fromtimestamp(milliseconds / 1000, UTC)


def variables_for(settings: Settings, *, show_secrets: bool) -> dict[str, str]:
    """Variables by which a job finds what this process's settings name: those that are set here.

    Secrets stay here unless they may be shown: whoever may open Ray's dashboard sees the variables of all jobs.

    Raises:
        ParameterError: the database's address holds a password, and must not be shown.
    """
    names = [variable(name) for name in Settings.model_fields if name != "ray_address"]
    given = {name: os.environ[name] for name in (*names, FOLDER) if os.environ.get(name)}
    if show_secrets:
        return given
    address = variable("database_url")
    if address in given and _holds_a_password(given[address]):
        raise ParameterError(
            f"{address} holds a password, and everybody who may open Ray's dashboard would see it: keep the address "
            f"in a file on the nodes ({FOLDER}), or pass it all the same with --show-secrets"
        )
    hidden = {variable(name) for name in secrets()} - {address}
    return {name: value for name, value in given.items() if name not in hidden}


def _holds_a_password(url: str) -> bool:
    from ..store.addresses import redacted

    return redacted(url) != url


async def note_workflow(workflow: WorkflowId) -> None:
    """Write into the metadata of this process's job which workflow it drives; Ray shows it, ``eopiez job list`` too.

    Ray changes what it knows of a job when its driver starts and ends, and not in between.
    """
    import ray
    from ray.dashboard.modules.job.common import JobInfoStorageClient

    job = ray_job()
    try:
        worker: Any = ray._private.worker.global_worker
        client: Any = JobInfoStorageClient(worker.gcs_client)
        info = await client.get_info(job, timeout=NOTE_S)
        info.metadata = {**(info.metadata or {}), WORKFLOW: str(workflow)}
        await client.put_info(job, info, timeout=NOTE_S)
    except ray.exceptions.RayError as error:
        log.warning("the job does not show its workflow", job=job, workflow=str(workflow), error=str(error))
