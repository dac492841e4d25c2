"""Markup that would cost a parser more than it is worth: it goes through all open elements, and all attributes, again
and again."""

from __future__ import annotations

import re

DEEPEST = 1_000
"""Elements inside each other that are kept; browsers keep 512."""
MOST_ATTRIBUTES = 1_000
"""Attributes of one tag that are kept."""
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)([^>]*)>?")
_ATTRIBUTE = re.compile(r"[^\s=/]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"']+))?")
_NEVER_DEEP = frozenset(
    re.findall(
        r"\w+",
        "area base body br col colgroup dd dt embed head hr html img input li link meta optgroup option p param rp rt "
        "source tbody td tfoot th thead tr track wbr",
    )
)
"""Elements without an end, and those that the next of their kind ends."""


def bounded(html: str) -> str:
    """The page without what is beyond these bounds: tags are left out, and the text between them stays."""
    if html.count("<") <= DEEPEST and len(html) <= MOST_ATTRIBUTES:
        return html
    tags = _Tags()
    without = _TAG.sub(tags.kept, html)
    return without if tags.has_changed else html


class _Tags:
    """The tags of a page, one after the other."""

    def __init__(self) -> None:
        self._depth = 0
        self.has_changed = False

    def kept(self, tag: re.Match[str]) -> str:
        """What is left of a tag."""
        whole = tag[0]
        if len(tag[3]) > 2 * MOST_ATTRIBUTES:
            whole = self._with_few_attributes(tag)
        if tag[2].lower() in _NEVER_DEEP or whole.endswith("/>"):
            return whole
        if tag[1]:
            is_beyond = self._depth > DEEPEST
            self._depth = max(0, self._depth - 1)
        else:
            self._depth += 1
            is_beyond = self._depth > DEEPEST
        self.has_changed |= is_beyond
        return "" if is_beyond else whole

    def _with_few_attributes(self, tag: re.Match[str]) -> str:
        attributes = list(_ATTRIBUTE.finditer(tag[3]))
        if len(attributes) <= MOST_ATTRIBUTES:
            return tag[0]
        self.has_changed = True
        end = attributes[MOST_ATTRIBUTES - 1].end()
        return f"<{tag[1]}{tag[2]}{tag[3][:end]}>"
