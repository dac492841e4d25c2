"""What languages are called in English."""

from __future__ import annotations

_NAMES = """
am Amharic; ar Arabic; az Azerbaijani; be Belarusian; bg Bulgarian; bn Bengali; ca Catalan; cs Czech; da Danish;
de German; el Greek; en English; es Spanish; et Estonian; eu Basque; fa Persian; fi Finnish; fr French; gu Gujarati;
he Hebrew; hi Hindi; hr Croatian; hu Hungarian; hy Armenian; is Icelandic; it Italian; ja Japanese; ka Georgian;
kn Kannada; ko Korean; ku Kurdish; lo Lao; lt Lithuanian; lv Latvian; ml Malayalam; mr Marathi; ms Malay; nl Dutch;
no Norwegian; or Odia; pa Punjabi; pl Polish; pt Portuguese; ro Romanian; ru Russian; sk Slovak; sl Slovenian;
sq Albanian; sr Serbian; sv Swedish; ta Tamil; te Telugu; th Thai; tl Tagalog; tr Turkish; uk Ukrainian; ur Urdu;
vi Vietnamese; yo Yoruba; zh Chinese; mul several languages; und undetermined
"""
NAMES = dict(each.split(maxsplit=1) for each in _NAMES.split(";"))
"""By BCP 47 code."""


def language_name(code: str) -> str:
    """The name of a language, or its code."""
    return NAMES.get(code, code)
