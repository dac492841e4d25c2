"""From any exception to a failure that can be stored and shown."""

from __future__ import annotations

import reprlib
import traceback
from itertools import chain

from .tasks import Failure

NAME_CHARACTERS = 200
MESSAGE_CHARACTERS = 2000
TRACEBACK_CHARACTERS = 20_000


def failure_of(error: BaseException) -> Failure:
    """Its type, text and traceback, each of bounded length; never raises, whatever its methods do."""
    return Failure(_name(type(error)), _text(error), _traceback(error))


def exact(text: object, characters: int | None = None) -> str:
    """Text, or the beginning of it, as a plain ``str``: few processes can load a user's subclass of it."""
    plain = str.__str__(text) if isinstance(text, str) else str(text)
    return plain if characters is None else plain[:characters]


def _name(kind: type[BaseException]) -> str:
    return exact(type.__getattribute__(kind, "__name__"), NAME_CHARACTERS)


def _text(error: BaseException) -> str:
    """The result of ``str``, or the best substitute if that fails."""
    try:
        return exact(str(error), MESSAGE_CHARACTERS)
    except BaseException as second:  # noqa: BLE001 - code of users
        return f"its text is unavailable: its __str__ raises {_name(type(second))}; its arguments: {_arguments(error)}"


def _arguments(error: BaseException) -> str:
    try:
        return exact(reprlib.repr(error.args), MESSAGE_CHARACTERS)
    except BaseException as third:  # noqa: BLE001 - code of users
        return f"also unavailable ({_name(type(third))})"


def _traceback(error: BaseException) -> str:
    """Where it was raised; only the first and last lines if there are very many."""
    try:
        lines = [
            exact(line, MESSAGE_CHARACTERS) for line in traceback.TracebackException.from_exception(error).format()
        ]
    except BaseException:  # noqa: BLE001 - attributes of users, which the formatter reads
        lines = list(chain(traceback.format_tb(error.__traceback__), [f"{_name(type(error))}: {_text(error)}\n"]))
    text = "".join(lines)
    if len(text) <= TRACEBACK_CHARACTERS:
        return text
    head, tail = text[: TRACEBACK_CHARACTERS // 4], text[-3 * TRACEBACK_CHARACTERS // 4 :]
    return f"{head}\n… {len(text) - len(head) - len(tail):,} characters omitted …\n{tail}"
