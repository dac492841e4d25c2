"""``eopiez orchestrate``: a process that only drives workflows, whoever submitted them."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ArtifactError, EopiezError, StoreError
from ..logs import get_logger
from ..model.log_lines import Part
from .system import open_local, read_settings
from .terminal import log_aloud, results_only
from .watch import LOOK_S, Interrupts

if TYPE_CHECKING:
    from ..engine.local import Local

CLEAN_S = 3600.0
"""Seconds between cleanups."""
FORGIVEN_S = 3600.0
"""Seconds after which a failure no longer counts."""
MOST_FAILURES = 5
"""Failures that still count after which the process ends."""

log = get_logger(__name__)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(orchestrate)


def orchestrate(
    cpus: Annotated[
        int | None,
        typer.Option(min=1, help="CPUs for the cluster started here; all by default.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Display name; the host's name by default.", show_default=False),
    ] = None,
    retain_days: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS",
            min=0,
            help="Once an hour, forget workflows that ended this long ago, as `eopiez clean` does; never by default.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        int, typer.Option(min=0, help="With --retain-days: how many of the latest to keep, whatever their age.")
    ] = 20,
) -> None:
    """Drive every workflow in the database that nobody else drives, until SIGTERM or Ctrl-C. Logs to standard error.

    Several orchestrators can share a database: each workflow is driven by one of them, and if that one dies, another
    takes over. They can share a cluster (**EOPIEZ_RAY_ADDRESS**) or use one each.

    The first signal hands everything over at once. On a shared cluster, workers stay and keep the tasks in flight for
    the orchestrator that takes over, so nothing runs twice.

    **Examples**

    ```
    eopiez orchestrate --retain-days 30
    EOPIEZ_DATABASE_URL=postgresql://db/eopiez EOPIEZ_RAY_ADDRESS=head:6379 eopiez orchestrate --name rack-1
    ```
    """
    settings = read_settings(cpus=cpus)
    log_aloud()
    from ..monitoring.logs.recorder import recorded
    from ..monitoring.opening import stationed_beside

    with results_only(), Interrupts() as interrupts, open_local("orchestrate", settings) as local:
        called = name or socket.gethostname()
        # Both end before the database does, which may be this process's own.
        with (
            recorded(settings, local.database_url, Part.ORCHESTRATOR),
            stationed_beside(local.database_url, settings, "orchestrator", local, hears=local),
        ):
            local.drive_all(called)
            interrupts.listen_again()
            log.info("orchestrating", name=called, database="given" if settings.database_url else "embedded")
            stamina = Stamina(local, called)
            retention = Retention(local, None if retain_days is None else timedelta(days=retain_days), keep)
            while not interrupts.count:
                retention.clean_if_due()
                stamina.keep_driving()
            log.info("handing over", name=called)
        local.hand_over()
        log.info("ended", name=called)


class Stamina:
    """Keeps driving after unexpected errors, unless they come in quick succession."""

    def __init__(self, local: Local, name: str) -> None:
        self._local, self._name = local, name
        self._failed_at: list[float] = []

    def keep_driving(self) -> None:
        """Drive for a moment.

        Raises:
            EopiezError: the database stayed unavailable, or the cluster does not answer.
            Exception: driving failed unexpectedly, again and again.
        """
        try:
            self._local.keep_driving(LOOK_S)
        except EopiezError:
            raise
        except Exception:
            now = time.monotonic()
            self._failed_at = [at for at in self._failed_at if now - at < FORGIVEN_S] + [now]
            if len(self._failed_at) > MOST_FAILURES:
                raise
            log.exception("driving failed and starts again", failures=len(self._failed_at))
            self._local.drive_all(self._name)


class Retention:
    """Forgets workflows that ended long ago, once an hour."""

    def __init__(self, local: Local, age: timedelta | None, keep: int) -> None:
        self._local, self._age, self._keep = local, age, keep
        self._due_at = time.monotonic()

    def clean_if_due(self) -> None:
        """Clean up if an hour has passed; errors are logged, and the next attempt comes in an hour."""
        if self._age is None or time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + CLEAN_S
        try:
            cleaned = self._local.clean(self._age, self._keep)
        except (ArtifactError, StoreError) as error:
            log.warning("cleanup not finished", error=str(error))
        else:
            log.info("cleaned", **cleaned._asdict())
