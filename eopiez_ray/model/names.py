"""Names as they can be shown: of files, columns and ids, whatever they are made of."""

from __future__ import annotations

import re

_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNDECODABLE = range(0xDC80, 0xDD00)
"""What Python puts for the bytes of a name that are not UTF-8 (PEP 383)."""


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
