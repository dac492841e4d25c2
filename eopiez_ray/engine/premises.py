"""What a worker's process has in common for all of its tasks, put back as it was before another workflow's tasks run.

Code of users changes it: the working folder, the environment, how warnings and arithmetic behave, limits. The next
workflow on the worker would compute something else, or fail, depending on who was there before.
"""

from __future__ import annotations

import contextlib
import decimal
import locale
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIMITS = (resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)
_SPENT = 0.75
"""Share of the files that a process may open; beyond, the worker is replaced before it has none left."""


class _Part(NamedTuple):
    """One of the things that tasks can change."""

    look: Callable[[], Any]
    put_back: Callable[[Any], object]


class Premises:
    """The state of this process as it was when this was made."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._at_first = [(part, part.look()) for part in _PARTS]
        self._user = ""

    def admit(self, user: str) -> bool:
        """Put back what another user has changed; whether the last one was another.

        Args:
            user: the workflow whose tasks come next.
        """
        if user == self._user:
            return False
        self._user = user
        self.put_back()
        return True

    def seen(self) -> list[Any]:
        """The state now, to be compared with that of another moment."""
        return [part.look() for part, _ in self._at_first]

    def put_back(self) -> None:
        """Undo each change that can be undone."""
        for part, first in self._at_first:
            if part.look() != first:
                with contextlib.suppress(OSError, ValueError):  # The folder is gone, a hard limit was lowered.
                    part.put_back(first)

    def leave_if_forked(self) -> None:
        """End this process if it is a child that a task has forked, and that has come back from the task.

        It would go on as if it were the worker, on the same connections.
        """
        if os.getpid() != self._process:
            os._exit(1)

    @property
    def are_spent(self) -> bool:
        """Whether so many files are open that this process will soon be of no use to anybody."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            lowest = os.dup(2)  # The lowest number that is free.
        except OSError:
            return True
        os.close(lowest)
        return limit != resource.RLIM_INFINITY and lowest > limit * _SPENT


def _environment() -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = os.environ._data.copy()  # type: ignore[attr-defined]  # 50 times as fast as items().
    return found


def _restore_environment(first: dict[bytes, bytes]) -> None:
    zone = os.environb.get(b"TZ")
    for name in set(os.environb) - first.keys():
        del os.environb[name]
    os.environb.update(first)
    if zone != first.get(b"TZ"):
        time.tzset()


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - a path would take longer than all the rest
    except OSError:  # It was deleted.
        return ""


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(kind) for kind in _LIMITS]


def _restore_limits(first: Sequence[tuple[int, int]]) -> None:
    for kind, (soft, _) in zip(_LIMITS, first, strict=True):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _errors() -> list[Any]:
    """Filters that turn warnings into errors; the others do not change what code does, and modules add some."""
    return [each for each in warnings.filters if each[0] == "error"]


def _restore_errors(first: list[Any]) -> None:
    kept = [each for each in warnings.filters if each[0] != "error"]
    warnings.resetwarnings()
    warnings.filters.extend([*first, *kept])  # type: ignore[attr-defined]


def _arithmetic() -> tuple[Any, ...]:
    context = decimal.getcontext()
    trapped = [context.traps[signal] for signal in _SIGNALS]
    return context.prec, context.rounding, context.Emin, context.Emax, context.capitals, trapped


def _restore_arithmetic(first: tuple[Any, ...]) -> None:
    precision, rounding, least, most, capitals, trapped = first
    traps = [signal for signal, is_trapped in zip(_SIGNALS, trapped, strict=True) if is_trapped]
    decimal.setcontext(decimal.Context(precision, rounding, least, most, capitals, traps=traps))


def _numpy_errors() -> dict[str, str] | None:
    numpy = sys.modules.get("numpy")
    return None if numpy is None else numpy.geterr()


def _restore_numpy_errors(first: dict[str, str] | None) -> None:
    import numpy as np

    np.seterr(**(first or _NUMPY_ERRORS))  # type: ignore[arg-type]


def _restore_path(first: list[str]) -> None:
    sys.path[:] = [*first, *(each for each in sys.path if each not in first)]


_SIGNALS = (*decimal.Context().traps,)
_NUMPY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
_PARTS = (
    _Part(_environment, _restore_environment),
    _Part(_folder, os.chdir),
    _Part(_mask, os.umask),
    _Part(_limits, _restore_limits),
    _Part(_errors, _restore_errors),
    _Part(_arithmetic, _restore_arithmetic),
    _Part(_numpy_errors, _restore_numpy_errors),
    _Part(lambda: locale.setlocale(locale.LC_ALL), lambda first: locale.setlocale(locale.LC_ALL, first)),
    _Part(sys.getrecursionlimit, sys.setrecursionlimit),
    _Part(sys.path.copy, _restore_path),
)
