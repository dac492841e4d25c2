"""Where commands get their settings and the system that they are about: this machine's own, or one elsewhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import ParameterError
from ..home import open_home
from .terminal import err, keep_log

if TYPE_CHECKING:
    from ..client.blocking import Remote, RemoteWorkflow
    from ..engine.handle import Workflow
    from ..engine.local import Local
    from ..settings import Settings

System: TypeAlias = "Local | Remote"
"""What commands that work everywhere are about."""
Handle: TypeAlias = "Workflow | RemoteWorkflow"
URL = "EOPIEZ_URL"
PATIENCE_S = 20.0
"""Seconds for which a command tries to reach a gateway: somebody is waiting in front of it."""


@dataclass(slots=True)
class _Choice:
    """What the options before the command say."""

    context: str | None = None
    is_local: bool = False


_choice = _Choice()


def choose_system(context: str | None, *, is_local: bool) -> None:
    """Choose what commands are about.

    Args:
        context: a name that `eopiez login` has given; None leaves it to the environment and the current context.
        is_local: this machine's own system, whatever they say.

    Raises:
        ParameterError: both are given.
    """
    if context is not None and is_local:
        raise ParameterError("--context and --local exclude each other")
    _choice.context, _choice.is_local = context, is_local


def is_elsewhere() -> bool:
    """Whether commands are about a system elsewhere."""
    if _choice.is_local:
        return False
    if _choice.context is not None or os.environ.get(URL):
        return True
    from ..client.contexts import Contexts

    return Contexts().read().current is not None


def read_settings(**given: Any) -> Settings:
    """Settings from options and the environment; options that are None are ignored.

    Raises:
        ParameterError: a value is invalid.
    """
    from pydantic import ValidationError

    from ..settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        name = f"EOPIEZ_{str(problem['loc'][0]).upper()}" if problem["loc"] else "a setting"
        raise ParameterError(f"{name} is {problem['input']!r}: {problem['msg'].lower()}") from error


def open_system(settings: Settings | None = None) -> System:
    """The system chosen: elsewhere, or that of this machine.

    Raises:
        ParameterError: there is no such context, or the data home cannot be written.
        StoreError: the database cannot be started or reached.
    """
    if is_elsewhere():
        from ..client.connecting import connect
        from ..client.patience import Patience

        return connect(context=_choice.context, patience=Patience(total_s=PATIENCE_S))
    return open_here(settings)


def open_local(command: str, settings: Settings | None = None) -> Local:
    """The system of this machine, for a command that works on no other. Errors as in ``open_system``."""
    if is_elsewhere():
        raise ParameterError(
            f"`eopiez {command}` works on this machine's own system alone: say `eopiez --local {command}`"
        )
    return open_here(settings)


def stay_here(command: str) -> None:
    """Say that a command is about this machine, if others are about a system elsewhere.

    Raises:
        ParameterError: the command was sent elsewhere by name.
    """
    if _choice.context is not None:
        raise ParameterError(f"`eopiez {command}` is about this machine alone; leave out --context")
    if is_elsewhere():
        err().print(f"`eopiez {command}` is about this machine, whatever system other commands are about.")


def open_here(settings: Settings | None = None) -> Local:
    """The database of this machine and everything in it. Ray does not start until a workflow is driven.

    Raises:
        ParameterError: the data home cannot be written.
        StoreError: the database cannot be started or reached.
    """
    settings = settings or read_settings()
    open_home(settings.home)
    try:
        keep_log(settings.home)
    except OSError as error:
        raise ParameterError(
            f"cannot write to the data home {settings.home}: {error.strerror}; set EOPIEZ_HOME to a folder you own"
        ) from error
    from ..engine.local import Local

    return Local(settings)
