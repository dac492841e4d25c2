"""Which of our statements a text is, as a server keeps it: without comments, and with parameters in place of constants.

What both have in common is the text without either, and without spaces. Statements that differ in constants alone are
one for the server too, and go by the name of the first.
"""

from __future__ import annotations

import re
from functools import cache

from .queries import statements

_LEFT_OUT = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|\$\d+|'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|\b(?:true|false|null)\b"
    r"|(?<=extract\()\w+",
    re.DOTALL | re.IGNORECASE,
)
_CONSTANTS = re.compile(r"-?\?(?:,-?\?)*")
"""Several in a row, which a server may keep as one, and minus signs, which it takes for a part of them."""


def name_of(text: str) -> str | None:
    """The name of the statement; None if it is not one of ours."""
    return _names().get(skeleton(text))


def skeleton(text: str) -> str:
    """What is left of a statement without its comments, constants and spaces."""
    bare = _LEFT_OUT.sub(lambda found: " " if found["comment"] else "?", text)
    return _CONSTANTS.sub("?", "".join(bare.lower().split())).rstrip(";")


@cache
def _names() -> dict[str, str]:
    return {skeleton(text): name for name, text in reversed(statements().items())}
