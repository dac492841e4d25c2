"""Where texts point at something: domains of web addresses, people who are mentioned, hashtags, emoji.

Emoji are those of Unicode Technical Standard 51: characters that are shown as pictures by default or by the variation
selector U+FE0F after them, flags, and sequences that a zero-width joiner holds together. Skin tones make no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from eopiez_ray.phases.markings import Codes, Mask, code_points, find_addresses


class Facet(StrEnum):
    """What texts point at."""

    DOMAIN = "domain"
    MENTION = "mention"
    HASHTAG = "hashtag"
    EMOJI = "emoji"


@dataclass(frozen=True, slots=True)
class Pointer:
    """One place in a text that points at something."""

    position: int
    facet: Facet
    value: str
    """As it is counted: without regard to case or skin tone."""
    spelling: str
    """As it is written."""


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOST = re.compile(r"(?:[^/?#@\s]*@)?(?:www\d?\.)?([^/?#:@\s]+)", re.IGNORECASE)
_AROUND_HOST = ".,;:!'\"()[]{}<>*"
_NAME = re.compile(r"@(?=\w*[^\W\d_])\w+")
_HASHTAG = re.compile(r"[#＃](?=\w*[^\W\d_])\w{2,100}")
_NO_HASHTAG = re.compile(
    r"#(?:include|define|undef|ifn?def|if|elif|else|endif|pragma|error|line|(?=\w*\d)(?:[0-9a-f]{6}|[0-9A-F]{6}))\b"
)
"""Directives of the C preprocessor, and colours."""
_PICTURES = (
    "\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2614\u2615\u2639\u263a\u2648-\u2653\u2665\u267f\u2693\u26a1\u26aa\u26ab"
    "\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e"
    "\u2753-\u2755\u2757\u2763\u2764\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55"
    "\U0001f004\U0001f0cf\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f21a\U0001f22f\U0001f232-\U0001f236"
    "\U0001f238-\U0001f23a\U0001f250\U0001f251\U0001f300-\U0001f3fa\U0001f400-\U0001f64f\U0001f680-\U0001f6ff"
    "\U0001f7e0-\U0001f7eb\U0001f7f0\U0001f90c-\U0001f9ff\U0001fa70-\U0001faff"
)
_PICTURE = rf"(?:[{_PICTURES}]\ufe0f?|[\u2194-\u3299]\ufe0f)[\U0001f3fb-\U0001f3ff]?"
_EMOJI = re.compile(rf"[\U0001f1e6-\U0001f1ff]{{2}}|{_PICTURE}(?:\u200d(?:{_PICTURE}|[\u2640\u2642]\ufe0f?))*")
_TONES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")


def find_pointers(texts: Sequence[str]) -> Iterator[tuple[int, Pointer]]:
    """All pointers in some texts, each with the number of its text; positions count in all texts, one to a line."""
    joined = "\n".join(texts)
    origins = np.cumsum([0, *(len(text) + 1 for text in texts)])
    found = [*_pointers(joined, code_points(joined))]
    places = np.fromiter((pointer.position for pointer in found), np.int64, len(found))
    rows = np.searchsorted(origins, places, side="right") - 1
    return zip(rows.tolist(), found, strict=True)


def _pointers(text: str, codes: Codes) -> Iterator[Pointer]:
    is_sign = (codes == ord("#")) | (codes == ord("＃"))
    for start, end in find_addresses(text, codes):
        is_sign[start:end] = False
        yield from _in_address(start, text[start:end])
    yield from _hashtags(text, is_sign)
    yield from _emoji(text, codes)


def _in_address(position: int, address: str) -> Iterator[Pointer]:
    """The domain of a web address, or the person who is mentioned; nothing for a mail address."""
    if name := _NAME.match(address.removeprefix("RT ")):
        yield Pointer(position, Facet.MENTION, name[0].lower(), name[0])
    elif "://" in address or "@" not in address:
        scheme = _SCHEME.match(address)
        host = _HOST.match(address, scheme.end() if scheme else 0)
        domain = host[1].lower().strip(_AROUND_HOST) if host else ""
        if domain:
            yield Pointer(position, Facet.DOMAIN, domain, domain)


def _hashtags(text: str, is_sign: Mask) -> Iterator[Pointer]:
    for position in np.flatnonzero(is_sign).tolist():
        found = _HASHTAG.match(text, position)
        if (
            found
            and not _NO_HASHTAG.match(text, position)
            and not (position and (text[position - 1].isalnum() or text[position - 1] in "&_/#"))
        ):
            yield Pointer(position, Facet.HASHTAG, "#" + found[0][1:].casefold(), "#" + found[0][1:])


def _emoji(text: str, codes: Codes) -> Iterator[Pointer]:
    if codes.dtype == np.uint8:
        return
    reached = 0
    may_be = ((codes >= 0x2194) & (codes <= 0x2BFF)) | ((codes >= 0x3030) & (codes <= 0x303D)) | (codes >= 0x1F000)
    for position in np.flatnonzero(may_be).tolist():
        found = _EMOJI.match(text, position) if position >= reached else None
        if found:
            reached = found.end()
            yield Pointer(position, Facet.EMOJI, _TONES.sub("", found[0]), _TONES.sub("", found[0]))
