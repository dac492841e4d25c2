"""Names, labels and priorities: what may stand in them, and how any name is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ParameterError

LONGEST = 255
"""Characters of a name."""
LONGEST_LABEL = 10_000
PRIORITIES = range(-(2**15), 2**15)
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNDECODABLE = range(0xDC80, 0xDD00)
"""What Python puts for the bytes of a name that are not UTF-8 (PEP 383)."""


def fault_of_name(name: Any) -> str | None:
    """What is wrong with a name; None if it will do."""
    if not isinstance(name, str):
        return f"is of type {type(name).__name__}, and names are text"
    if len(name) > LONGEST:
        return f"has {len(name):,} characters, and the most is {LONGEST}"
    bad = next((character for character in name if ord(character) < 32 or 0xD800 <= ord(character) < 0xE000), None)
    return None if bad is None else f"contains {bad!r}, which no name may"


def check_name(what: str, name: Any) -> None:
    """See that a name can be stored, shown and typed.

    Raises:
        ParameterError: it cannot.
    """
    fault = fault_of_name(name)
    if fault is not None:
        raise ParameterError(f"{what} {str(name)[:40]!r} {fault}")


def check_labels(labels: Mapping[str, str]) -> None:
    """See that labels are text.

    Raises:
        ParameterError: one is not, or is longer than any label should be.
    """
    for key, value in labels.items():
        check_name("the label", key)
        if not isinstance(value, str):
            raise ParameterError(f"the label {key!r} is {value!r}, and labels are text; say {str(value)[:40]!r}")
        if len(value) > LONGEST_LABEL:
            raise ParameterError(f"the label {key!r} has {len(value):,} characters, and the most is {LONGEST_LABEL:,}")


def check_priority(priority: Any) -> None:
    """See that a priority is a whole number within its range.

    Raises:
        ParameterError: it is not.
    """
    if not isinstance(priority, int) or priority not in PRIORITIES:
        raise ParameterError(
            f"the priority is {priority!r}; it is a whole number from {PRIORITIES[0]:,} to {PRIORITIES[-1]:,}"
        )


def shown(name: str) -> str:
    r"""A name that can be printed and stored: what is no character becomes ``\xff``, a line end ``\n``.

    Control characters, those that turn the direction of writing, and lone surrogates are escaped, all else stays.
    """
    return name if name.isprintable() else _UNSHOWABLE.sub(_escaped, name)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code in _UNDECODABLE:
        return f"\\x{code - 0xDC00:02x}"
    return ascii(match[0])[1:-1]
