"""Calls on workers: sent, waited for, and taken over with the workers of orchestrators that died."""

from __future__ import annotations

import asyncio
import pickle
import socket
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from ..encryption.delivery import sent_to
from ..logs import get_logger
from ..model.work import VERSION
from .actors import Started, actor_names, find_actor, kill, last_words_there, waits_for_room
from .answers import read
from .dealings import Dealings
from .executor import CallTimedOutError, Inherited, Slot, WorkerLostError, WorkerStoppedError
from .last_words import LastWords, read_last_words
from .pool import Pooled
from .staff import WORKER, prefix

if TYPE_CHECKING:
    from ..model.results import Results
    from ..model.tasks import Report
    from ..model.work import Handover, Place, WorkCall
    from .staff import Staff

HANDOVER_S = 5.0
"""Seconds that a worker gets to report its calls."""
COLLECT_S = 0.05
"""Seconds between looks at an inherited call."""
LAST_WORDS_S = 3.0
"""Seconds that another machine gets to report what a worker left behind."""

log = get_logger(__name__)


class Calls:
    """Runs calls on the workers of a staff."""

    def __init__(self, staff: Staff) -> None:
        self._staff = staff
        self.dealings = Dealings()
        """What workers have done with the artifact store."""

    async def run(self, slot: Slot, call: WorkCall, timeout_s: float | None) -> Sequence[Sequence[Report | Results]]:
        """Send the call and wait for its reports. Errors as in ``Executor.run``."""
        import ray

        pooled, lost = self._staff.workers.get(slot.worker), self._staff.lost
        if pooled is None or lost is None:
            raise WorkerStoppedError(slot.worker)  # Before anything of the call was sent.
        try:
            answer = _send(pooled, slot, call)
            ends: set[asyncio.Future[Any]] = {answer, lost, pooled.departed}
            await asyncio.wait(ends, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return self._reports(pooled, call, answer.result())
        except (ray.exceptions.RayError, ConnectionError, ValueError) as error:
            if pooled.is_stopped:
                raise WorkerStoppedError(slot.worker) from error
            self._staff.kill(pooled)
            raise await _lost_with(pooled, call.id, error) from error
        finally:
            pooled.load -= 1
            self._staff.end_surplus(pooled.resources)
        self._staff.kill(pooled)
        if lost.done():
            raise WorkerLostError(slot.worker, "the Ray cluster was lost")
        if pooled.departed.done():
            raise WorkerLostError(slot.worker, "its node has left the cluster")
        raise CallTimedOutError(slot.worker, timeout_s or 0.0)

    def _reports(self, pooled: Pooled, call: WorkCall, answer: bytes | None) -> Sequence[Sequence[Report | Results]]:
        """What a call's answer says.

        Raises:
            WorkerStoppedError: it says that others took this process for dead, and the worker over.
        """
        if answer is None:
            self._staff.workers.pop(pooled.name, None)
            raise WorkerStoppedError(pooled.name)
        return self._heard_of(pooled, call.id, answer)

    def _heard_of(self, pooled: Pooled, call: str, told: bytes) -> Sequence[Sequence[Report | Results]]:
        """The reports of a call, which the worker may forget once it hears of it; a spent worker is replaced."""
        answer, dealt = read(told)
        pooled.heard.append(call)
        if dealt is not None:
            self.dealings.add(dealt)
        if answer.is_spent:
            log.info("worker spent", worker=pooled.name)
            self._staff.kill(pooled)
            pooled.is_stopped = True  # What is queued on it was stopped, not lost.
        return answer.reports

    async def inherit(self, dead: Collection[str]) -> list[Inherited]:
        """Take over the workers of dead orchestrators, given by their ids in hex, that live on this cluster."""
        if not dead:
            return []
        owners, known = frozenset(dead), self._staff.workers
        found = [name for name in await self._staff.line.ask(actor_names) if name.startswith(WORKER)]
        asked = [self._take_over(name, owners) for name in found if name not in known]
        return [call for calls in await asyncio.gather(*asked) for call in calls]

    async def _take_over(self, name: str, dead: frozenset[str]) -> list[Inherited]:
        """The worker's calls if a dead orchestrator owned it; a worker may pass from one to the next."""
        import ray

        line = self._staff.line
        try:
            actor: Any = await line.ask(find_actor, name)
            if await line.ask(waits_for_room, actor):
                if any(name.startswith(prefix(owner)) for owner in dead):
                    await line.ask(kill, actor)  # Nobody waits for it any more.
                return []
            answer = asyncio.wrap_future(actor.hand_over.remote(dead, self._staff.owner).future())
            handover: Handover | None = await asyncio.wait_for(answer, HANDOVER_S)
        except (ValueError, TimeoutError, ConnectionError, ray.exceptions.RayError) as error:
            log.info("a worker does not answer", worker=name, error=str(error))
            return []
        return [] if handover is None else self._adopt(name, actor, handover)

    def _adopt(self, name: str, actor: Any, handover: Handover) -> list[Inherited]:
        ready: asyncio.Future[Started] = asyncio.get_running_loop().create_future()
        ready.set_result(Started(actor, handover.place))
        pooled = Pooled(name, ready, handover.resources, set(handover.known), node=handover.place.node)
        pooled.is_retiring = handover.version != VERSION
        self._staff.workers[name] = pooled
        log.info("worker inherited", worker=name, calls=len(handover.calls), retires=pooled.is_retiring)
        inherited = [Inherited(self._staff.claim(pooled), call.id, call.tasks) for call in handover.calls]
        self._staff.retire(pooled)
        return inherited

    async def collect(self, inherited: Inherited) -> Sequence[Sequence[Report | Results]]:
        """Ask until an inherited call is over. Errors as in ``Executor.run``."""
        import ray

        name = inherited.slot.worker
        pooled = self._staff.workers.get(name)
        if pooled is None:
            raise WorkerLostError(name, "the worker was stopped")
        try:
            while not pooled.departed.done():
                asked = asyncio.wrap_future(pooled.actor.result().handle.collect.remote(inherited.call).future())
                asked.add_done_callback(_heard)
                await asyncio.wait({asked, pooled.departed}, return_when=asyncio.FIRST_COMPLETED)
                if asked.done() and (answer := asked.result()) is not None:
                    return self._heard_of(pooled, inherited.call, answer)
                await asyncio.sleep(COLLECT_S)
        except (ray.exceptions.RayError, ConnectionError) as error:
            if pooled.is_stopped:
                raise WorkerStoppedError(name) from error
            self._staff.kill(pooled)
            raise WorkerLostError(name, f"{type(error).__name__}: {error}") from error
        finally:
            self._staff.give_back(inherited.slot)
        self._staff.kill(pooled)
        raise WorkerLostError(name, "its node has left the cluster")


def _send(pooled: Pooled, slot: Slot, call: WorkCall) -> asyncio.Future[bytes | None]:
    heard, pooled.heard = tuple(pooled.heard), []
    started = pooled.actor.result()
    sent = pickle.dumps(_sealed(call, started.place)._replace(heard=heard), protocol=5)
    slot.known.update(call.code, (key.id.hex() for key in call.keys))
    run = started.handle.run.options(name=_called(call))
    answer: asyncio.Future[bytes | None] = asyncio.wrap_future(run.remote(sent).future())
    answer.add_done_callback(_heard)
    return answer


def _sealed(call: WorkCall, place: Place) -> WorkCall:
    """The call with its data keys encrypted for the worker's process."""
    if not call.keys:
        return call
    return call._replace(keys=(), sent_keys=sent_to(place.public_key, call.keys))


def _called(call: WorkCall) -> str:
    """What Ray's dashboard calls it: by its steps, and no more, since each name is a series of Ray's metrics."""
    first, *others = dict.fromkeys(name for part in call.parts for name in part.step_names())
    return f"{first} …" if others else first


def _heard(answer: asyncio.Future[Any]) -> None:
    """Retrieve the result of a call that nobody waits for any more, so that asyncio does not complain."""
    if not answer.cancelled():
        answer.exception()


async def _lost_with(pooled: Pooled, call: str, error: Exception) -> WorkerLostError:
    """The error for a call whose worker process is gone."""
    import ray

    words = await _last_words(pooled.actor.result().place)
    return WorkerLostError(
        pooled.name,
        words.told() if words.call else f"{type(error).__name__}: {str(error).partition(chr(10))[0]}",
        is_out_of_memory=isinstance(error, ray.exceptions.OutOfMemoryError),
        has_ended_itself=bool(words.ended),
        had_begun=words.call in {"", call},
    )


async def _last_words(place: Place) -> LastWords:
    """What a worker left on its machine; nothing if that cannot be read soon."""
    if place.host == socket.gethostname():
        return await asyncio.to_thread(read_last_words, place)
    try:
        return await asyncio.wait_for(last_words_there(place), LAST_WORDS_S)
    except Exception as error:  # noqa: BLE001 - the node may be gone, too
        log.info("last words of a worker unavailable", host=place.host, error=str(error))
        return LastWords()
