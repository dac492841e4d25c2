"""Files of rules: read, and written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml
from pydantic import ValidationError

from ...errors import ParameterError
from .rules import Rule, RuleFile, check_project, to_document

LARGEST = 5 * 2**20
"""Characters of a file of rules."""
SHOWN = 20
"""Faults that are listed."""


def read_rules(text: str, source: str, project: str | None = None) -> list[Rule]:
    """The rules in a file.

    Args:
        text: what is in it, YAML or JSON.
        source: its name, for errors.
        project: whose rules they are to be; None for the system.

    Raises:
        ParameterError: it is no file of rules; says each place that is wrong.
    """
    value = _loaded(text, source)
    try:
        rules = RuleFile.model_validate(value).rules
    except ValidationError as error:
        raise ParameterError("\n".join([f"{source} is not right:", *_faults(error, value)])) from error
    for rule in rules if project is not None else []:
        try:
            check_project(rule)
        except ValueError as error:
            raise ParameterError(f"{source}: rule {rule.name!r} cannot be a project's: {error}") from error
    return rules


def write_rules(rules: Iterable[Rule]) -> str:
    """The rules as a file."""
    return write_yaml({"rules": [to_document(rule) for rule in rules]})


def write_yaml(value: Any) -> str:
    """A value as YAML, with its keys in order."""
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110))


def _loaded(text: str, source: str) -> Any:
    if len(text) > LARGEST:
        raise ParameterError(f"{source} has {len(text):,} characters; a file of rules has {LARGEST:,} at most")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise ParameterError(f"{source} has aliases (*name), which files of rules do not")
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ParameterError(f"{source} is no YAML: {str(error) or type(error).__name__}") from error


def _faults(error: ValidationError, value: Any) -> list[str]:
    faults = [f"  {_place(fault['loc'], value)}: {fault['msg']}" for fault in error.errors()[:SHOWN]]
    rest = error.error_count() - SHOWN
    return [*faults, *([f"  … and {rest} more"] if rest > 0 else [])]


def _place(loc: tuple[int | str, ...], value: Any) -> str:
    """Where a fault is, by the rule's name where it has one."""
    parts = [str(part) for part in loc]
    if len(loc) > 1 and loc[0] == "rules" and isinstance(loc[1], int):
        try:
            parts[:2] = [f"rule {value['rules'][loc[1]]['name']!r}"]
        except (KeyError, TypeError):
            parts[:2] = [f"rule {loc[1] + 1}"]
    return ".".join(parts) or "the file"
