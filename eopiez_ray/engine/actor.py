"""The worker as a Ray actor."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from .worker import Worker

if TYPE_CHECKING:
    from ..model.tasks import Report
    from ..model.work import WorkCall


class WorkerActor:
    """Runs calls, and ends itself when nobody has called for ``orphan_s`` seconds: its orchestrator is gone then."""

    def __init__(self, artifact_url: str, name: str, orphan_s: float) -> None:
        self._worker = Worker(artifact_url, name)
        self._heard_at, self._is_busy = time.monotonic(), False
        threading.Thread(target=self._watch, args=(orphan_s,), daemon=True).start()

    def run(self, call: WorkCall) -> list[Report]:
        """Run a call."""
        self._is_busy = True
        try:
            return self._worker.run(call)
        finally:
            self._heard_at, self._is_busy = time.monotonic(), False

    def beat(self) -> None:
        """The pool is alive."""
        self._heard_at = time.monotonic()

    def _watch(self, orphan_s: float) -> None:
        while self._is_busy or time.monotonic() - self._heard_at < orphan_s:
            time.sleep(orphan_s / 10)
        os._exit(0)
