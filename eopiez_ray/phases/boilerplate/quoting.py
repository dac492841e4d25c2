"""What a message repeats by its form: quoted lines, the message that it replies to, its headers and its signature.

- a line that begins with ``>``, or with initials and ``>``, and the line before such lines that ends in a colon
  (``On Monday, Ann wrote:``, in any language), with its paragraph if that is no longer than two lines;
- everything from ``-----Original Message-----``, in any language, or from a row of underscores, where headers follow;
  but only the headers if it is forwarded, or if its lines begin with ``>`` and are told from an answer below by that;
- the armour of signatures and keys (RFC 9580, section 6.2);
- headers at the beginning (RFC 5322, section 2.2), except for the words of the subject;
- a signature, from a line of two hyphens (RFC 3676, section 4.3) to the end, or to the next blank line if much follows.

A document that has nothing else keeps all its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from eopiez_ray.phases.markings import Mask, Positions
from eopiez_ray.phases.text import Runs

Span = tuple[int, int]

SIGNATURE_CHARACTERS = 800
"""Of the longest signature."""
_QUOTED = re.compile(r"[ \t]{0,4}(?:[|:]?>|[A-Z][A-Za-z]{0,3}>(?=[ >\n]))[^\n]*(?:\n|\Z)")
_ATTRIBUTION = re.compile(
    r"""
    (?: (?: \A | ^ [ \t\r]* \n ) (?! [ \t]* > ) [^\n]{1,200} \n )?  # The first line of two.
    ^ (?! [ \t]* > ) [^\n]{1,200} : [ \t\r]* \n
    (?: [ \t]* [\[<(] [^\n]{0,20} [\])>] [ \t\r]* \n )?  # "[...]"
    (?: [ \t\r]* \n )? \Z
    """,
    re.VERBOSE | re.MULTILINE,
)
_BEFORE = 450
"""Characters before a quotation in which its attribution is looked for."""
_HEADER = r"[*]?[^\W\d_][\w-]*(?:[ ][\w-]+)?[*]?[ ]?[:：][*]?(?:[ \t][^\n]*)?"
_NAMES = (
    r"From|To|Cc|Subject|Date|Sent|Message-ID|Received|Return-Path|Newsgroups|Path|Organization|Reply-To|Lines|Xref"
    r"|Article-I\.D\.|X-[\w-]+|User-Agent|Priority|Delivered-To|Von|De|Da|Van|Från|Fra|Od|Lähettäjä|Mittente|Gönderen"
    r"|От|发件人|寄件者|差出人|보낸 사람"
)
"""Of the header that comes first."""
_FIRST_HEADER = re.compile(rf"\s*[*]?(?:{_NAMES})[*]?[ ]?[:：]", re.IGNORECASE)
_HEADERS = re.compile(rf"\s*(?:{_HEADER}(?:\n|\Z)(?:[ \t]+\S[^\n]*(?:\n|\Z))*){{2,}}")
_SEPARATOR = re.compile(
    r"[ \t]*(?:-{3,}[ ]?(?P<title>[^\W\d_][^\n]{3,60}?)[ ]?(?:-{3,})?|_{20,})[ \t\r]*\n(?:[ \t\r]*\n){0,2}"
)
_FORWARDED = re.compile(
    "forward|weitergeleitet|transf[eé]r|reenviad|inoltrat|encaminhad|doorgestuurd|vidarebefordr|videresend|пересыл|转发",
    re.IGNORECASE,
)
_ITS_HEADERS = re.compile(rf"(?:[ \t]*{_HEADER}(?:\n|\Z)(?:[ \t]+\S[^\n:]*(?:\n|\Z))*)+")
_QUOTATION_FOLLOWS = re.compile(r"[ \t\r\n]{0,20}>")
_ARMOUR = re.compile(r"-----BEGIN PGP (?:(SIGNATURE|PUBLIC KEY BLOCK)-----|[A-Z ]+-----\s*(?:Hash:[^\n]*\n)*)")
ARMOUR_CHARACTERS = 20_000
"""Of the longest armour."""
_SUBJECT = re.compile(
    r"(?:^|(?<=\n))[*]?(?:Subject|Betreff|Objet|Asunto|Oggetto|Assunto|Onderwerp|Ämne|Emne|Тема|主题|主旨|件名)"
    r"[*]?[ ]?[:：]"
    r"(?:[ \t]*(?:re|fwd?|aw|wg|sv|vs|antw|tr|rv|rif|res|odp|ynt|答复|回复|转发)(?:\[\d+\])?[:：])*(?P<words>[^\n]*)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"--[ ]?\r?\n")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


def are_quoted(runs: Runs) -> Mask:
    """Which runs a message repeats by its form, ``(n_runs,)``."""
    begins = np.append(0, np.flatnonzero(runs.codes == ord("\n")) + 1)
    finders = (_quotations, _originals, _armours, _signatures)
    quoted = _inside(runs, [span for find in finders for span in find(runs, begins)])
    headers = [*_headers(runs, begins)]
    quoted |= _inside(runs, [span for span, _ in headers]) & ~_inside(runs, [kept for _, kept in headers])
    return quoted & np.repeat(_says_more(runs, quoted), np.diff(runs.firsts)) if quoted.any() else quoted


def _says_more(runs: Runs, quoted: Mask) -> Mask:
    """Which documents have other runs, ``(n_documents,)``."""
    others = np.append(0, np.cumsum(~quoted))
    return np.diff(others[runs.firsts]) > 0


def _inside(runs: Runs, spans: list[Span]) -> Mask:
    """Which runs begin inside of one of the spans."""
    if not spans:
        return np.zeros(len(runs.spans), np.bool_)
    starts, ends = np.array(sorted(spans), np.int64).reshape(-1, 2).T
    reached = np.append(0, np.maximum.accumulate(ends))
    return reached[np.searchsorted(starts, runs.spans.starts, side="right")] > runs.spans.starts


def _quotations(runs: Runs, begins: Positions) -> Iterator[Span]:
    """Blocks of quoted lines, with what stands before them to say whose words they are."""
    text = runs.text
    reached = -1
    for begin in _with_sign(runs, begins, ">", within=8):
        found = _QUOTED.match(text, begin)
        if found is None:
            continue
        if begin != reached:
            low = max(begin - _BEFORE, _document_start(runs, begin))
            before = _ATTRIBUTION.search(text[low:begin])
            yield low + before.start() if before else begin, begin
        reached = found.end()
        yield begin, reached


def _with_sign(runs: Runs, begins: Positions, sign: str, within: int) -> list[int]:
    """Beginnings of the lines that have a sign that begins with one of their first characters."""
    places = np.flatnonzero(runs.codes[: max(0, len(runs.codes) - len(sign) + 1)] == ord(sign[0]))
    lines = begins[np.searchsorted(begins, places, side="right") - 1]
    places, lines = places[places - lines < within], lines[places - lines < within]
    for distance, character in enumerate(sign):
        has_it = runs.codes[places + distance] == ord(character)
        places, lines = places[has_it], lines[has_it]
    return np.unique(lines).tolist()  # type: ignore[no-any-return]


def _originals(runs: Runs, begins: Positions) -> Iterator[Span]:
    """The message that is replied to, from its separator on, or its separator and headers alone."""
    for sign in "-_":
        for begin in _with_sign(runs, begins, sign * 3, within=3):
            end = _document_end(runs, begin)
            separator = _SEPARATOR.match(runs.text, begin, end)
            if separator and _FIRST_HEADER.match(runs.text, separator.end(), end):
                headers = _ITS_HEADERS.match(runs.text, separator.end(), end)
                stays = _FORWARDED.search(separator["title"] or "") or (
                    headers and _QUOTATION_FOLLOWS.match(runs.text, headers.end(), end)
                )
                yield begin, headers.end() if headers and stays else end


def _armours(runs: Runs, begins: Positions) -> Iterator[Span]:
    for begin in _with_sign(runs, begins, "-----BEGIN PGP", within=1):
        found = _ARMOUR.match(runs.text, begin, _document_end(runs, begin))
        if found is not None:
            tail = f"-----END PGP {found[1]}-----"
            last = runs.text.find(tail, begin, begin + ARMOUR_CHARACTERS) if found[1] else -1
            yield begin, last + len(tail) if last >= 0 else found.end()


def _signatures(runs: Runs, begins: Positions) -> Iterator[Span]:
    """Signatures to the end of the document, or to a blank line, unless that is too far."""
    for begin in _with_sign(runs, begins, "--", within=1):
        if not _SIGNATURE.match(runs.text, begin):
            continue
        end = _document_end(runs, begin)
        if end - begin > SIGNATURE_CHARACTERS:
            blank = _BLANK_LINE.search(runs.text, begin, begin + SIGNATURE_CHARACTERS)
            end = blank.start() if blank else begin
        yield begin, end


def _headers(runs: Runs, begins: Positions) -> Iterator[tuple[Span, Span]]:
    """The headers with which documents begin, and in each the words of the subject."""
    text = runs.text
    several = np.flatnonzero(np.diff(np.searchsorted(begins, runs.origins)) > 1)
    for begin, end in zip(runs.origins[several].tolist(), runs.origins[several + 1].tolist(), strict=True):
        if not _FIRST_HEADER.match(text, begin, end):
            continue
        found = _HEADERS.match(text, begin, end)
        if found is not None:
            subject = _SUBJECT.search(text, begin, found.end())
            yield found.span(), subject.span("words") if subject else (begin, begin)


def _document_start(runs: Runs, position: int) -> int:
    return int(runs.origins[np.searchsorted(runs.origins, position, side="right") - 1])


def _document_end(runs: Runs, position: int) -> int:
    return int(runs.origins[np.searchsorted(runs.origins, position, side="right")])
