"""Masks personal data in what is logged, rejected and raised, before it is stored.

All of it takes time that grows with the text alone, whatever the text is: the built-in patterns cannot backtrack far,
and patterns of users run on RE2, which does not backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from .errors import ParameterError

LONGEST_PATTERN = 1000
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_MAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,254}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?![\w-])")
_PHONE = re.compile(
    r"(?<![\w+.,-])(?:\+\d|00[1-9])(?:[ ()/.-]{0,3}\d){6,14}(?!\d)"  # International.
    r"|(?<![\w+.,-])\(?0\d{1,5}\)?[ /-]{1,3}\d(?:[ /-]?\d){4,10}(?![\w.,]?\d)"  # With an area code.
)
_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,}(?!\d)")
_ACCOUNT = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,40}")
_CARD_DIGITS = range(19, 12, -1)
_ACCOUNT_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
"""Characters of an International Bank Account Number, by country (ISO 13616)."""


class MaskingRule(NamedTuple):
    """Something to mask."""

    name: str
    """Stands in the text, in brackets, for what was there."""
    masked: Callable[[str], str]


class Masker:
    """Applies rules, one after the other."""

    def __init__(self, rules: Sequence[str]) -> None:
        """
        Args:
            rules: each ``mail``, ``phone``, ``card``, ``iban``, or ``name=pattern`` with a pattern of RE2.

        Raises:
            ParameterError: one of them is none of these.
        """
        self._rules = [_rule(text) for text in rules]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def text(self, text: str) -> str:
        """The text without what the rules mask."""
        for rule in self._rules:
            text = rule.masked(text)
        return text


def _rule(text: str) -> MaskingRule:
    name, equals, pattern = text.partition("=")
    if not equals and name in _BUILT_IN:
        return MaskingRule(name, _BUILT_IN[name])
    if not equals or not _NAME.fullmatch(name) or name in _BUILT_IN:
        raise ParameterError(
            f"{text!r} is no rule for masking; give {', '.join(_BUILT_IN)}, or a name of your own in small letters, an "
            "equals sign and a regular expression, as in staff=EMP-[0-9]{6}"
        )
    return MaskingRule(name, partial(_replaced, _checked(name, pattern), f"[{name}]"))


def _checked(name: str, pattern: str) -> str:
    """A pattern that RE2 understands."""
    import pyarrow as pa

    if len(pattern) > LONGEST_PATTERN:
        raise ParameterError(f"the pattern of {name!r} has more than {LONGEST_PATTERN:,} characters")
    try:
        is_empty = _replaced(pattern, "x", "") != ""
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        raise ParameterError(
            f"the pattern of {name!r} is none that RE2 understands, which knows neither backreferences nor "
            f"look-around: {error}"
        ) from error
    if is_empty:
        raise ParameterError(f"the pattern of {name!r} matches what is empty, and so everywhere; let it ask for more")
    return pattern


def _replaced(pattern: str, by: str, text: str) -> str:
    import pyarrow as pa
    import pyarrow.compute as pc

    sound = text.encode("utf-8", "backslashreplace").decode()
    return str(pc.replace_substring_regex(pa.scalar(sound, pa.string()), pattern, by).as_py())


def _without_cards(text: str) -> str:
    return _DIGITS.sub(lambda run: _cut(run[0], _cards(run[0]), "[card]"), text)


def _cards(run: str) -> Iterator[tuple[int, int]]:
    """Where in a run of digits card numbers are: whole groups of digits, 13 to 19 together, that pass Luhn's check."""
    places = [at for at, character in enumerate(run) if character.isdigit()]
    first = 0
    while first < len(places):
        begins = places[first] == 0 or not run[places[first] - 1].isdigit()
        length = next((n for n in _CARD_DIGITS if begins and _is_card(run, places, first, n)), 0)
        if length:
            yield places[first], places[first + length - 1] + 1
        first += length or 1


def _is_card(run: str, places: Sequence[int], first: int, length: int) -> bool:
    if first + length > len(places):
        return False
    end = places[first + length - 1] + 1
    if end < len(run) and run[end].isdigit():
        return False
    digits = [int(run[at]) for at in reversed(places[first : first + length])]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[1::2])
    return any(digits) and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _without_accounts(text: str) -> str:
    return _ACCOUNT.sub(lambda run: _cut(run[0], _accounts(run[0]), "[iban]"), text)


def _accounts(run: str) -> Iterator[tuple[int, int]]:
    """The beginning of the run, if it is an account number of its country's length with the right check digits."""
    wanted = _ACCOUNT_LENGTHS.get(run[:2].upper(), 0)
    places = [at for at, character in enumerate(run) if character != " "][:wanted]
    if not wanted or len(places) < wanted:
        return
    end = places[-1] + 1
    code = "".join(run[at] for at in places).upper()
    is_whole = end == len(run) or run[end] == " "
    if is_whole and int("".join(str(int(each, 36)) for each in code[4:] + code[:4])) % 97 == 1:
        yield 0, end


def _cut(text: str, places: Iterator[tuple[int, int]], by: str) -> str:
    """The text with something else in these places."""
    parts, last = list[str](), 0
    for begin, end in places:
        parts += [text[last:begin], by]
        last = end
    return "".join([*parts, text[last:]])


_BUILT_IN: dict[str, Callable[[str], str]] = {
    "mail": partial(_MAIL.sub, "[mail]"),
    "iban": _without_accounts,
    "card": _without_cards,
    "phone": partial(_PHONE.sub, "[phone]"),
}
