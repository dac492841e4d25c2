"""Where commands get their settings and the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from ..home import open_home
from .terminal import keep_log

if TYPE_CHECKING:
    from ..engine.local import Local
    from ..settings import Settings


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


def open_system(settings: Settings | None = None) -> Local:
    """The database and everything in it. Ray does not start until a workflow is driven.

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
