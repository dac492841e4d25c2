"""The code that a worker has been sent: phases bound to their parameters, and values provided by plans."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..model.work import WorkStep
    from .premises import Premises


class Bound(NamedTuple):
    """A phase as used in a step."""

    call: Callable[..., Any]
    """Takes only the inputs."""
    keeps_inputs: bool
    """Whether it promises not to change them."""


class Library:
    """Loads code on first use, and keeps it."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._leaning: set[tuple[str, str]] = set()
        """Instances that have changed the state of the process when they were made, and may need what they set."""
        self._pickled: dict[str, bytes] = {}
        self._loaded: dict[str, Any] = {}
        self._bound: dict[tuple[str, str], Bound] = {}
        self._last: tuple[WorkStep | None, Bound] = None, Bound(_nothing, keeps_inputs=False)
        """The step that was bound last, and most often comes next."""

    @property
    def known(self) -> Iterable[str]:
        """Digests of what it has been sent."""
        return self._pickled.keys()

    def add(self, code: Mapping[str, bytes]) -> None:
        """Take pickled phases and values by digest."""
        self._pickled.update(code)

    def bound(self, step: WorkStep) -> Bound:
        """The step's phase with its parameters; a class is instantiated once."""
        if step is self._last[0]:
            return self._last[1]
        token = step.digest, repr(step.parameters)
        if token not in self._bound:
            phase = self._load(step.digest)
            before = self._premises.seen()
            self._bound[token] = Bound(_with(phase.function, step.parameters), phase.keeps_inputs)
            if isinstance(phase.function, type) and self._premises.seen() != before:
                self._leaning.add(token)
        self._last = step, self._bound[token]
        return self._bound[token]

    def forget_leaning(self) -> None:
        """Let classes be made anew that have changed the state of the process, which has been put back since."""
        if self._leaning:
            for token in self._leaning:
                del self._bound[token]
            self._leaning.clear()
            self._last = None, Bound(_nothing, keeps_inputs=False)

    def values(self, digest: str) -> Sequence[Any]:
        """Values provided by a plan."""
        values: Sequence[Any] = self._load(digest)
        return values

    def _load(self, digest: str) -> Any:
        if digest not in self._loaded:
            self._loaded[digest] = pickle.loads(self._pickled[digest])
        return self._loaded[digest]


def _with(function: Callable[..., Any], parameters: dict[str, Any]) -> Callable[..., Any]:
    """The function, with parameters that no task can change for the next."""
    if isinstance(function, type):
        made: Callable[..., Any] = function(**copy.deepcopy(parameters))
        return made
    if any(isinstance(value, list | dict) for value in parameters.values()):
        return lambda *inputs: function(*inputs, **copy.deepcopy(parameters))
    return partial(function, **parameters)


def _nothing() -> None:
    """Stands in while no phase is bound yet."""
