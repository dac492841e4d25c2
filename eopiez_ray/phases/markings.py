"""What texts contain besides words: web and mail addresses, mentions, HTML entities and tags.

Their parts are letters, but nobody means them as words: ``http://bit.ly/x``, ``bit.ly/x``, ``joe@site.org``, ``@joe``,
``RT @joe:``, ``&amp;``, ``<br/>``. Only the places where one may be, at an ``@``, a ``.`` between letters, ``://``,
``&`` or ``<``, are looked at, so a text without any costs one pass over its characters.

A name without a scheme or ``www`` is an address if it ends in a well-known top-level domain (``bbc.co.uk``, but not
``main.py``), or in any two or three letters if a path follows (``ow.ly/abc``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_DOMAINS = (
    "com|org|net|edu|gov|mil|int|info|biz|io|"
    "at|au|be|br|ca|ch|cn|cz|de|dk|es|eu|fi|fr|gr|hu|ie|in|it|jp|kr|mx|nl|no|nz|pt|ru|se|tr|ua|uk|us|za"
)
"""Top-level domains that need no path: those that are common, and rarely the ending of a file or part of a sentence."""
_PART = r"[^\s<>\"\u2e80-\U0003ffff]"
"""A character of an address: not one of the scripts that write no spaces."""
_ADDRESS = re.compile(
    rf"""
    (?<![a-z0-9]) (?: [a-z][a-z0-9+.-]{{1,15}}:// | www\d?\. ) {_PART}+
    | (?<![\w.+%-]) [\w.+%-]{{1,64}} @ [a-z0-9-]+ (?: \. [a-z0-9-]+ )+
    | (?<![\w.]) @ [a-z0-9_\u00c0-\u024f]{{1,40}}
    | (?<![\w@/.-]) (?: [a-z0-9-]{{1,63}} \. )+
        (?: [a-z]{{2,3}} / {_PART}{{2,}} | (?: {_DOMAINS} ) (?![\w-]) (?: / {_PART}* )? )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REPEATED = re.compile(r"(?:^|(?<=\s))RT[ ]$")
"""What stands before the mention of somebody whose message is repeated."""
_ENTITY = re.compile(r"&(?:\#\d{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
_TAG = re.compile(
    r"""
    </? (?: a | abbr | b | big | blockquote | body | br | center | code | div | em | font | h[1-6] | head | hr | html
        | i | img | input | li | link | meta | nobr | ol | p | pre | q | s | script | small | span | strike | strong
        | style | sub | sup | table | tbody | td | th | thead | title | tr | tt | u | ul )
    (?: [ \t]+ [a-z:-]{1,30} [ \t]* = [ \t]* (?: "[^"<>\n]{0,2000}" | '[^'<>\n]{0,2000}' | [^\s"'<>]{1,2000} ) ){0,30}
    [ \t]* /? >
    """,
    re.VERBOSE | re.IGNORECASE,
)
_AT, _AND, _LESS, _MORE, _POINT, _COLON, _SLASH, _QUOTE = map(ord, '@&<>.:/"')


def code_points(text: str) -> Codes:
    """The code points of a text, ``(n,)``: bytes if all are ASCII."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def hidden_spans(text: str, codes: Codes) -> tuple[Positions, Positions]:
    """Starts and ends ``[start, end)`` of everything in a text that is not words; they may overlap.

    Args:
        text: any text; no marking extends over a line end.
        codes: its code points, ``(n,)``.
    """
    spans = [*find_addresses(text, codes), *_at(_ENTITY, text, codes == _AND), *_at(_TAG, text, codes == _LESS)]
    starts, ends = np.array(spans, np.int64).reshape(-1, 2).T
    return starts, ends


def _at(pattern: re.Pattern[str], text: str, where: Mask) -> Iterator[tuple[int, int]]:
    for position in np.flatnonzero(where).tolist():
        found = pattern.match(text, position)
        if found is not None:
            yield found.span()


def find_addresses(text: str, codes: Codes) -> Iterator[tuple[int, int]]:
    """Starts and ends of web and mail addresses and of mentions (``RT`` included), in order.

    They are looked for in stretches without white space that may have one.
    """
    triggers = np.flatnonzero(_may_be_address(codes))
    if not len(triggers):
        return
    breaks = np.flatnonzero(_is_break(codes))
    after = np.searchsorted(breaks, triggers)
    starts = np.append(-1, breaks)[after] + 1
    ends = np.append(breaks, len(codes))[after]
    is_first = np.append(True, starts[1:] != starts[:-1])
    for start, end in zip(starts[is_first].tolist(), ends[is_first].tolist(), strict=True):
        for found in _ADDRESS.finditer(text, start, end):
            yield _begin(text, found.start()), found.end()


def _begin(text: str, start: int) -> int:
    """Where an address begins, with the sign of a repeated message before it."""
    is_repeated = text[start] == "@" and _REPEATED.search(text[max(0, start - 4) : start]) is not None
    return start - 3 if is_repeated else start


def _may_be_address(codes: Codes) -> Mask:
    found: Mask = codes == _AT
    if len(codes) < 3:
        return found
    found[:-2] |= (codes[:-2] == _COLON) & (codes[1:-1] == _SLASH) & (codes[2:] == _SLASH)
    points = np.flatnonzero(codes[1:-1] == _POINT) + 1
    found[points] |= _is_letter(codes[points - 1], or_digit=True) & _is_letter(codes[points + 1])
    return found


def _is_letter(codes: Codes, *, or_digit: bool = False) -> Mask:
    lower = codes | 0x20
    is_letter: Mask = (lower >= ord("a")) & (lower <= ord("z"))
    return is_letter | ((codes >= ord("0")) & (codes <= ord("9"))) if or_digit else is_letter


def _is_break(codes: Codes) -> Mask:
    """White space, angle brackets and quotation marks."""
    breaks: Mask = (codes <= ord(" ")) | (codes == _LESS) | (codes == _MORE) | (codes == _QUOTE)
    return breaks if codes.dtype == np.uint8 else breaks | (codes == 0xA0) | ((codes >= 0x2000) & (codes <= 0x3000))
