"""From an exception, whatever it is, to a failure that can be kept and shown."""

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
    """Text, or the beginning of it, as a plain ``str``: one of a class of a user's can be loaded by few processes."""
    plain = str.__str__(text) if isinstance(text, str) else str(text)
    return plain if characters is None else plain[:characters]


def _name(kind: type[BaseException]) -> str:
    return exact(type.__getattribute__(kind, "__name__"), NAME_CHARACTERS)


def _text(error: BaseException) -> str:
    """What ``str`` gives, or what can be had where that fails."""
    try:
        return exact(str(error), MESSAGE_CHARACTERS)
    except BaseException as second:  # noqa: BLE001 - code of users
        return (
            f"its text cannot be had, for its __str__ raises {_name(type(second))}; its arguments: {_arguments(error)}"
        )


def _arguments(error: BaseException) -> str:
    try:
        return exact(reprlib.repr(error.args), MESSAGE_CHARACTERS)
    except BaseException as third:  # noqa: BLE001 - code of users
        return f"not to be had either ({_name(type(third))})"


def _traceback(error: BaseException) -> str:
    """Where it was raised: the first and the last lines if there are very many."""
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
    return f"{head}\n… {len(text) - len(head) - len(tail):,} characters left out …\n{tail}"
