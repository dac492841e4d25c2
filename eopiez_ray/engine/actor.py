"""The worker as a Ray actor."""

from __future__ import annotations

import os
import pickle
import threading
import time

from .worker import Worker


class WorkerActor:
    """Runs calls, and ends itself when nobody has called for ``orphan_s`` seconds: its orchestrator is gone then."""

    def __init__(self, artifact_url: str, name: str, orphan_s: float) -> None:
        self._worker = Worker(artifact_url, name)
        self._heard_at, self._is_busy = time.monotonic(), False
        threading.Thread(target=self._watch, args=(orphan_s,), daemon=True).start()

    def run(self, call: bytes) -> bytes:
        """Run a pickled call; its pickled reports. Ray moves bytes much faster than values."""
        self._is_busy = True
        try:
            return pickle.dumps(self._worker.run(pickle.loads(call)), protocol=5)
        finally:
            self._heard_at, self._is_busy = time.monotonic(), False

    def beat(self) -> None:
        """The pool is alive."""
        self._heard_at = time.monotonic()

    def _watch(self, orphan_s: float) -> None:
        while self._is_busy or time.monotonic() - self._heard_at < orphan_s:
            time.sleep(orphan_s / 10)
        os._exit(0)
