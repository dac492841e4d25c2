"""The worker as a Ray actor."""

from __future__ import annotations

import os
import pickle
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import ray

from ..encryption.delivery import Recipient
from ..model.work import VERSION, Answer, Handover, InHand, Place
from .answers import written
from .figures import NodeFigures, node_figures
from .last_words import Logbook, leave_word_of_exit
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..model.policies import Resources
    from ..model.work import WorkCall


class WorkerActor:
    """Runs calls, and keeps their reports until they are acknowledged, so that the next driver can ask for them.

    It exits when nobody has called for ``orphan_s`` seconds.
    """

    def __init__(self, artifact_url: str, name: str, owner: str, resources: Resources, orphan_s: float) -> None:
        printed, errors = _file_of(1), _file_of(2)
        folder = Path(printed).parent if printed else Path(tempfile.mkdtemp(prefix="eopiez-"))
        self._worker = Worker(artifact_url, name, folder)
        self._owner, self._resources = owner, resources
        context = ray.get_runtime_context()
        node, actor = str(context.get_node_id()), str(context.get_actor_id())
        self._recipient = Recipient()
        printed, public_key = str(self._worker.printed), self._recipient.public
        self._place = Place(node, socket.gethostname(), os.getpid(), actor, printed, errors, public_key)
        self._logbook = Logbook(self._worker.printed)
        leave_word_of_exit(self._worker.printed)
        self._calls: dict[str, InHand] = {}
        self._handing_over = threading.Lock()
        self._heard_at, self._is_busy = time.monotonic(), False
        threading.Thread(target=self._watch, args=(orphan_s,), daemon=True).start()

    def run(self, sent: bytes) -> bytes | None:
        """Run a pickled call; give its pickled reports, or None if its sender no longer owns this worker.

        Ray moves bytes much faster than objects.
        """
        call: WorkCall = pickle.loads(sent)
        if call.sent_keys:
            call = call._replace(keys=tuple(self._recipient.received(call.sent_keys)), sent_keys=b"")
        if not self._begin(call):
            return None
        self._logbook.begin(call.id)
        try:
            done = self._worker.run(call)
            reports = written(Answer(done, self._worker.is_spent), self._worker.dealt())
            self._calls[call.id] = self._calls[call.id]._replace(reports=reports)
        except BaseException:
            del self._calls[call.id]  # A new owner that asks for it learns that it is lost, instead of asking for ever.
            raise
        finally:
            self._heard_at, self._is_busy = time.monotonic(), False
        return reports

    def _begin(self, call: WorkCall) -> bool:
        """Accept the call, unless the worker was handed over while the call was queued behind another.

        The new owner does not know of it then, and runs its tasks itself.
        """
        with self._handing_over:
            if call.sender != self._owner:
                return False
            self._is_busy = True
            for heard in call.heard:
                self._calls.pop(heard, None)
            tasks = tuple((part.workflow_id, part.keys()) for part in call.parts)
            self._calls[call.id] = InHand(call.id, tasks, None)
            return True

    @ray.method(concurrency_group="control")
    def beat(self) -> Place:
        """Keep this worker alive; say where it is."""
        self._heard_at = time.monotonic()
        return self._place

    @ray.method(concurrency_group="control")
    def figures(self) -> NodeFigures:
        """What is used on this node now."""
        return node_figures(Path.cwd())

    @ray.method(concurrency_group="control")
    def hand_over(self, dead: Collection[str], heir: str) -> Handover | None:
        """Everything a new owner must know, calls in order of arrival; None if the owner is alive."""
        with self._handing_over:
            if self._owner not in dead:
                return None
            self._owner = heir
            self._heard_at = time.monotonic()
            known, calls = tuple(self._worker.known), tuple(self._calls.values())
            return Handover(self._resources, self._place, known, calls, VERSION)

    @ray.method(concurrency_group="control")
    def collect(self, call: str) -> bytes | None:
        """The pickled reports of a call that was handed over; None while it runs."""
        self._heard_at = time.monotonic()
        return self._calls[call].reports

    def _watch(self, orphan_s: float) -> None:
        while self._is_busy or time.monotonic() - self._heard_at < orphan_s:
            time.sleep(orphan_s / 10)
        os._exit(0)


def _file_of(descriptor: int) -> str:
    """The log file to which Ray redirects a worker's stream; empty if it cannot be determined."""
    try:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:
        return ""
    return str(path) if path.is_file() else ""
