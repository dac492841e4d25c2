"""How documents write policies: a mapping with a key for each field, derived from the dataclasses themselves.

==========================  ======================================  ===========================
field                       is written as                           example
==========================  ======================================  ===========================
a dataclass                 a mapping of non-default fields         ``retry: {maximum_attempts: 5}``
``…_bytes``                 a size, under the name without suffix   ``memory: 2 GiB``
pairs of a name and more    a mapping                               ``custom: {license: 1}``
a mapping kept as JSON      a mapping                               ``runtime_env: {pip: [spacy]}``
any other tuple             a list                                  ``[ValueError, KeyError]``
anything else               itself                                  ``timeout_s: 60``
==========================  ======================================  ===========================
"""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
import json
import re
import textwrap
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic import Field as Key
from pydantic_core import PydanticCustomError

_BYTES = "_bytes"
_UNITS = {
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgtp", 1)},
    **{f"{prefix}b": 1000**power for power, prefix in enumerate("kmgtp", 1)},
    "b": 1,
}


class Form(BaseModel):
    """A mapping in a document. An unknown key is an error that suggests the nearest."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _knows_its_keys(cls, given: Any) -> Any:
        known = [key.alias or name for name, key in cls.model_fields.items()]
        for key in given if isinstance(given, dict) else ():
            if key not in known:
                raise at_key("", f"unknown key {key!r}{nearest(key, known)}", key)
        return given


def at_key(kind: str, problem: str, key: str | None) -> PydanticCustomError:
    """An error about one key of the mapping being validated, or about all of it."""
    return PydanticCustomError(kind or "key", "{problem}", {"problem": problem, "key": key})


def nearest(given: str, known: Iterable[str]) -> str:
    """The end of a message: the nearest names, or else all of them."""
    names = list(known)
    near = difflib.get_close_matches(given, names, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; the known ones are {', '.join(names)}" if names else ""


def key_of(name: str) -> str:
    """The key under which a field is written."""
    return name.removesuffix(_BYTES)


def keys_of(kind: type[Any]) -> dict[str, tuple[Any, Any]]:
    """The keys of a policy for ``create_model``, with types that validate to the fields' values."""
    hints, described = typing.get_type_hints(kind), _descriptions(kind)
    return {
        key_of(field.name): (
            _written_type(hints[field.name], field.name),
            Key(default=_written_default(field, hints[field.name]), description=described.get(field.name)),
        )
        for field in fields(kind)
    }


def step_keys(kind: type[Any]) -> dict[str, tuple[Any, Any]]:
    """As ``keys_of``, for a step's policy: omitted keys keep the phase's values, so nothing is null."""
    hints, described = typing.get_type_hints(kind), _descriptions(kind)
    found = {}
    for field in fields(kind):
        text = f"{described.get(field.name, '')} Taken from the phase by default.".lstrip()
        written = _written_type(_without_none(hints[field.name]), field.name)
        found[key_of(field.name)] = written, Key(default=None, description=text, json_schema_extra=_drop_default)
    return found


def policy_of(kind: type[Any], form: BaseModel) -> dict[str, Any]:
    """The fields that are written, by name."""
    return {
        field.name: getattr(form, key_of(field.name))
        for field in fields(kind)
        if key_of(field.name) in form.model_fields_set
    }


def blamed(kind: type[Any], given: Mapping[str, Any]) -> str | None:
    """The key of the first field that is wrong by itself; None if they are only wrong together."""
    for name, value in given.items():
        try:
            kind(**{name: value})
        except TypeError:  # Other fields are required, so it cannot be judged by itself.
            continue
        except ValueError:
            return key_of(name)
    return None


def written_policy(policy: Any, usual: Any) -> dict[str, Any]:
    """The parts of a policy that differ from ``usual``, another policy, or from the defaults if that is None."""
    hints = typing.get_type_hints(type(policy))
    return {
        key_of(field.name): _written(getattr(policy, field.name), hints[field.name], field.name)
        for field in fields(policy)
        if getattr(policy, field.name) != (_default(field) if usual is None else getattr(usual, field.name))
    }


def bytes_of(size: object) -> object:
    """Bytes from a text such as ``2 GiB``, ``500 MB`` or ``1.5 TiB``; anything but text is left alone."""
    if not isinstance(size, str):
        return size
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*", size.lower())
    if match is None or match[2] not in _UNITS:
        raise at_key(
            "size", f"{size!r} is not a size; write a number of bytes, or a text such as 2 GiB or 500 MB", None
        )
    return round(float(match[1]) * _UNITS[match[2]])


def _written_size(size: int) -> int | str:
    for unit in ("TiB", "GiB", "MiB"):
        whole, rest = divmod(size, _UNITS[unit.lower()])
        if whole and not rest:
            return f"{whole} {unit}"
    return size


Size = Annotated[
    int,
    BeforeValidator(bytes_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*([kKmMgGtTpP]i?)?[bB]\s*$"},
            ],
            "examples": ["2 GiB", "500 MB", 536870912],
        }
    ),
]


def _written_type(hint: Any, name: str) -> Any:
    """The type of the written value, which validates to ``hint``."""
    if name.endswith(_BYTES):
        return Size
    if isinstance(hint, type) and is_dataclass(hint):
        return Annotated[_form(hint), AfterValidator(functools.partial(_made, hint))]
    inside = typing.get_args(hint)
    if _is_union(hint):
        return _union([_written_type(part, name) for part in _written_parts(hint)])
    if _is_pairs(hint):
        values = _written_type(typing.get_args(inside[0])[1], "")
        return Annotated[dict[str, values], AfterValidator(lambda pairs: tuple(sorted(pairs.items())))]  # type: ignore[valid-type]
    if typing.get_origin(hint) is tuple:
        return Annotated[list[_written_type(inside[0], "")], AfterValidator(tuple)]  # type: ignore[misc]
    return hint


def _written(value: Any, hint: Any, name: str) -> Any:
    """The value as ``_written_type`` reads it."""
    if value is None:
        return None
    if name.endswith(_BYTES):
        return _written_size(value)
    if is_dataclass(value):
        return written_policy(value, None)
    if isinstance(value, tuple):
        (kept,) = [part for part in _parts(hint) if typing.get_origin(part) is tuple]
        (inside, *_) = typing.get_args(kept)
        if _is_pairs(kept):
            return {key: _written(inner, typing.get_args(inside)[1], "") for key, inner in value}
        return [_written(inner, inside, "") for inner in value]
    if isinstance(value, str) and any(map(_is_mapping, _parts(hint))):
        return _mapping_of(value)
    return value.value if isinstance(value, Enum) else value


def _mapping_of(text: str) -> Any:
    """The mapping that a field keeps as JSON; the text itself if it is not one."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) and json.dumps(value, sort_keys=True) == text else text


def _is_pairs(hint: Any) -> bool:
    inside = typing.get_args(hint)
    return typing.get_origin(hint) is tuple and typing.get_origin(inside[0]) is tuple


def _is_mapping(hint: Any) -> bool:
    return typing.get_origin(hint) in {dict, Mapping}


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in {typing.Union, types.UnionType}


def _parts(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if _is_union(hint) else (hint,)


def _written_parts(hint: Any) -> list[Any]:
    """The mapping that a field keeps as pairs."""
    parts = _parts(hint)
    return [part for part in parts if not (_is_pairs(part) and any(map(_is_mapping, parts)))]


def _union(parts: list[Any]) -> Any:
    return functools.reduce(lambda one, other: one | other, parts)


def _without_none(hint: Any) -> Any:
    return _union([part for part in _parts(hint) if part is not type(None)])


@functools.cache
def _form(kind: type[Any]) -> type[Form]:
    keys: Any = keys_of(kind)
    return create_model(kind.__name__, __base__=Form, __doc__=inspect.getdoc(kind), **keys)


def _made(kind: type[Any], form: Form) -> Any:
    given = policy_of(kind, form)
    try:
        return kind(**given)
    except ValueError as error:
        raise at_key("policy", str(error), blamed(kind, given)) from error


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _written_default(field: Field[Any], hint: Any) -> Any:
    default = _default(field)
    return ... if default is MISSING else _written(default, hint, field.name)


def _drop_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _descriptions(kind: type[Any]) -> dict[str, str]:
    """The docstrings below the fields of a dataclass."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
