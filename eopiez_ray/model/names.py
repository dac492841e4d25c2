"""Names, labels and priorities: what they may contain, and how any name is shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ParameterError, PlanError

DEFAULT_PROJECT = "default"
"""The project of whatever is created without a gateway."""
LONGEST = 255
"""Maximum characters in a name."""
LONGEST_LABEL = 10_000
LONGEST_PROJECT = 63
"""Maximum characters in a project's name, so that it fits into a host name or a label of Kubernetes."""
OUTPUT, TITLE, SPOOL = "output", "title", "spool"
"""Labels of a run of the pipeline: its output folder, its title, and where its standard input was kept."""
KIND, CONTENT = "eopiez.pipeline", "content"
"""Label of a run of the pipeline that a gateway has begun, and its value."""
RAY_JOB = "ray_job"
"""Label of a workflow that a Ray job has created: the job's submission id."""
RESERVED_LABELS = (OUTPUT, TITLE, SPOOL)
PRIORITIES = range(-(2**15), 2**15)
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PROJECT_NAME = re.compile(rf"[a-z0-9](?:[a-z0-9-]{{0,{LONGEST_PROJECT - 2}}}[a-z0-9])?")
_UNDECODABLE = range(0xDC80, 0xDD00)
"""What Python substitutes for bytes of a name that are not UTF-8 (PEP 383)."""


def fault_of_name(name: Any) -> str | None:
    """What is wrong with a name; None if it is valid."""
    if not isinstance(name, str):
        return f"is of type {type(name).__name__}, but names are text"
    if len(name) > LONGEST:
        return f"has {len(name):,} characters; the maximum is {LONGEST}"
    bad = next((character for character in name if ord(character) < 32 or 0xD800 <= ord(character) < 0xE000), None)
    return None if bad is None else f"contains {bad!r}, which names may not contain"


def check_name(what: str, name: Any) -> None:
    """Check that a name can be stored, shown and typed.

    Raises:
        ParameterError: it cannot.
    """
    fault = fault_of_name(name)
    if fault is not None:
        raise ParameterError(f"{what} {str(name)[:40]!r} {fault}")


def check_project_name(name: Any) -> None:
    """Check that a project can be called so.

    Raises:
        ParameterError: it cannot.
    """
    if not isinstance(name, str) or _PROJECT_NAME.fullmatch(name) is None:
        raise ParameterError(
            f"the project {shown(str(name)[:80])!r} cannot be called so: the name of a project has 1 to "
            f"{LONGEST_PROJECT} lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen"
        )


def check_labels(labels: Mapping[str, str]) -> None:
    """Check that labels are text.

    Raises:
        ParameterError: one is not, or is too long.
    """
    for key, value in labels.items():
        check_name("the label", key)
        if not isinstance(value, str):
            raise ParameterError(f"the label {key!r} is {value!r}, but labels are text; write {str(value)[:40]!r}")
        if len(value) > LONGEST_LABEL:
            raise ParameterError(f"the label {key!r} has {len(value):,} characters; the maximum is {LONGEST_LABEL:,}")


def check_free_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels by which eopiez itself finds files, some of which it deletes.

    Raises:
        ParameterError: one of these is given.
    """
    for name in RESERVED_LABELS:
        if name in labels:
            raise ParameterError(f"the label {name!r} is reserved for the pipeline; choose another name")


def check_priority(priority: Any) -> None:
    """Check that a priority is a whole number in range.

    Raises:
        ParameterError: it is not.
    """
    if not isinstance(priority, int) or priority not in PRIORITIES:
        raise ParameterError(
            f"the priority is {priority!r}; it must be a whole number from {PRIORITIES[0]:,} to {PRIORITIES[-1]:,}"
        )


def shown(name: str) -> str:
    r"""A name that can be printed and stored: an undecodable byte becomes ``\xff``, a line end ``\n``.

    Control characters, bidirectional controls and lone surrogates are escaped; everything else stays.
    """
    return name if name.isprintable() else _UNSHOWABLE.sub(_escaped, name)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code in _UNDECODABLE:
        return f"\\x{code - 0xDC00:02x}"
    return ascii(match[0])[1:-1]


def unknown_step(names: Sequence[str], step: str) -> PlanError:
    """The error of whoever names a step that a workflow with these has not."""
    near = difflib.get_close_matches(step, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
    return PlanError(f"the workflow has no step {step!r}; {hint}")


def check_step(names: Sequence[str], step: str) -> None:
    """Check that a workflow with these steps has one of that name.

    Raises:
        PlanError: it has not.
    """
    if step not in names:
        raise unknown_step(names, step)


def check_version(version: int, kept: Sequence[int]) -> None:
    """Check that a plan is among those that a workflow has followed and that are kept, by their versions.

    Raises:
        ParameterError: it is not.
    """
    if version not in kept:
        raise ParameterError(f"the workflow has no plan {version}; kept are {', '.join(map(str, kept))}")
