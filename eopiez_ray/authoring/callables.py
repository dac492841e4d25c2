"""Whatever can be called, as a function with a name of its own: what a phase is made from."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from ..errors import PlanError


def as_function(target: Any, name: str | None) -> Callable[..., Any]:
    """The function or class itself; an object that can be called, or a ``functools.partial``, as a function like it.

    Args:
        target: what is to be a phase.
        name: what its phase is called, if that is said.

    Raises:
        PlanError: it cannot be called, or nothing says what it is called.
    """
    if not callable(target):
        raise PlanError(f"{_shown(target)} cannot be a phase: it is not a function or a class, nor can it be called")
    is_named = hasattr(target, "__name__") and hasattr(target, "__qualname__")
    if inspect.isroutine(target) or isinstance(target, type) or is_named:
        return typing.cast("Callable[..., Any]", target)
    inner = target
    while isinstance(inner, functools.partial):
        inner = inner.func
    called = inner if inspect.isroutine(inner) or isinstance(inner, type) else type(inner).__call__
    given = name or (inner.__name__ if hasattr(inner, "__name__") else type(inner).__name__)
    return _like(target, called, given)


def _like(target: Callable[..., Any], called: Any, name: str) -> Callable[..., Any]:
    """A function of the same kind as what is called in the end: a generator, asynchronous, or plain."""
    try:
        signature = inspect.signature(target)
    except ValueError as error:
        detail = "nothing says what it takes; call it in a function of yours"
        raise PlanError(f"{_shown(target)} cannot be a phase: {detail}") from error
    made: Any = _wrapping(called)(target)
    made.__signature__, made.__wrapped__ = signature, called
    made.__name__, made.__qualname__ = name, f"{name}.<locals>.made"
    made.__module__ = getattr(called, "__module__", None) or type(target).__module__
    made.__doc__ = getattr(called, "__doc__", None)
    made.__annotations__ = dict(getattr(called, "__annotations__", {}))
    return typing.cast("Callable[..., Any]", made)


def _wrapping(called: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    if inspect.isasyncgenfunction(called):
        return _as_asynchronous_generator
    if inspect.iscoroutinefunction(called):
        return _as_coroutine
    return _as_generator if inspect.isgeneratorfunction(called) else _as_plain


def _as_asynchronous_generator(target: Callable[..., Any]) -> Callable[..., Any]:
    async def made(*inputs: Any, **parameters: Any) -> AsyncIterator[Any]:
        async for value in target(*inputs, **parameters):
            yield value

    return made


def _as_coroutine(target: Callable[..., Any]) -> Callable[..., Any]:
    async def made(*inputs: Any, **parameters: Any) -> Any:
        return await target(*inputs, **parameters)

    return made


def _as_generator(target: Callable[..., Any]) -> Callable[..., Any]:
    def made(*inputs: Any, **parameters: Any) -> Iterator[Any]:
        yield from target(*inputs, **parameters)

    return made


def _as_plain(target: Callable[..., Any]) -> Callable[..., Any]:
    def made(*inputs: Any, **parameters: Any) -> Any:
        return target(*inputs, **parameters)

    return made


def _shown(value: Any) -> str:
    return f"an object of type {type(value).__name__!r}"
