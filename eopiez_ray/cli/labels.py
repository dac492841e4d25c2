"""Labels of workflows: those the user types, and those by which eopiez finds its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping


OUTPUT, TITLE, SPOOL = "output", "title", "spool"
"""A workflow's labels for its output folder, its title, and where its standard input was kept."""


def labels_of(given: list[str]) -> dict[str, str]:
    """Labels from ``name=value``.

    Raises:
        ParameterError: one has another form.
    """
    for text in given:
        if not text.partition("=")[0] or "=" not in text:
            raise ParameterError(f"--label is {text!r}; give a name and a value, such as team=research")
    return {name: value for name, _, value in (text.partition("=") for text in given)}


def refuse_reserved(labels: Mapping[str, str]) -> None:
    """Refuse labels by which ``eopiez run`` finds its files, some of which it deletes.

    Raises:
        ParameterError: one of these is given.
    """
    for name in (OUTPUT, TITLE, SPOOL):
        if name in labels:
            raise ParameterError(f"the label {name!r} is reserved for `eopiez run`; choose another name")
