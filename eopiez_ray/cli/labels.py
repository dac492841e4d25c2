"""Labels of workflows as users type them."""

from __future__ import annotations

from ..errors import ParameterError


def labels_of(given: list[str]) -> dict[str, str]:
    """Labels from ``name=value``.

    Raises:
        ParameterError: one has another form.
    """
    for text in given:
        if not text.partition("=")[0] or "=" not in text:
            raise ParameterError(f"--label is {text!r}; give a name and a value, such as team=research")
    return {name: value for name, _, value in (text.partition("=") for text in given)}
