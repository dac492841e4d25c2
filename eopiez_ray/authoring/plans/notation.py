"""From the text of a YAML or JSON plan document to JSON values, and from each value back to its place in the text.

YAML is read by the core schema of YAML 1.2 (yaml.org/spec/1.2.2, section 10.3.2): plain words are null, true, false,
numbers or text, so ``no`` and ``2024-05-01`` are text here as they are in JSON.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import yaml

from ...errors import PlanDocumentError

try:
    from yaml import CSafeLoader as _Parser
except ImportError:  # A PyYAML built without libyaml: ten times slower, but otherwise the same.
    from yaml import SafeLoader as _Parser  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES = 4 * 2**20
"""Size above which a document is refused."""
MAX_VALUES = 1_000_000
"""How many values a YAML document may expand to, aliases included."""
MAX_DEPTH = 100
"""Deepest nesting of mappings and lists."""

Route = tuple[str | int, ...]
"""The keys and positions that lead to a value."""


class Place(NamedTuple):
    """A place in a text, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Written:
    """A value as written in a document."""

    name: str
    """The document's name in messages: its path as given."""
    folder: Path
    """What its relative paths are relative to."""
    value: Any
    places: Callable[[], Iterator[tuple[Route, Place]]] = field(default=lambda: iter(()))
    """All keys and entries with their places, computed at each call, since most documents are right."""

    def route(self, route: Route) -> Route:
        """The part of the route that exists in the document; steps that lead nowhere are left out."""
        value: Any = self.value
        found: list[str | int] = []
        for part in route:
            is_entry = isinstance(value, list) and isinstance(part, int) and part < len(value)
            if is_entry or (isinstance(value, dict) and part in value):
                value = value[part]
                found.append(part)
        return tuple(found)

    def place(self, route: Route) -> Place | None:
        """The place of the value, or of the innermost enclosing one that can be found."""
        found: Place | None = None
        length = 0
        for known, place in self.places():
            if len(known) > length and known == route[: len(known)]:
                found, length = place, len(known)
            if length == len(route):
                break
        return found

    def wrong(self, route: Route, problem: str) -> PlanDocumentError:
        """The error that says what is wrong with the value at the route."""
        return PlanDocumentError(self.name, problem, route, *(self.place(route) or ()))


def read_file(path: Path) -> Written:
    """The document in a file: JSON if its name ends in ``.json``, otherwise YAML unless it begins with a brace.

    Raises:
        PlanDocumentError: it cannot be read or is neither; the message gives line and column.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PlanDocumentError(str(path), f"it cannot be read: {error.strerror}") from error
    return read_bytes(data, str(path), path.absolute().parent)


def read_bytes(data: bytes, name: str, folder: Path) -> Written:
    """The document in these bytes. Errors as in ``read_file``."""
    if len(data) > MAX_BYTES:
        raise PlanDocumentError(
            name, f"it is larger than {MAX_BYTES // 2**20} MiB; keep data in files that a source reads"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise PlanDocumentError(
            name, "it is not UTF-8; save it with that encoding", line=line, column=column
        ) from error
    return read_text(text, name, folder)


def read_text(text: str, name: str, folder: Path) -> Written:
    """The document in this text. Errors as in ``read_file``."""
    is_json = name.endswith(".json") or (not name.endswith((".yaml", ".yml")) and text.lstrip().startswith("{"))
    written = _read_json(text, name, folder) if is_json else _read_yaml(text, name, folder)
    if written.value is None:
        raise PlanDocumentError(name, "it is empty; it needs `plan`, a name, and `steps`")
    check(written)
    return written


def check(written: Written) -> None:
    """Refuse what JSON or the database cannot hold.

    Raises:
        PlanDocumentError: a number is not finite, a text holds NUL or half a character, or the nesting is too deep.
    """
    waiting: list[tuple[Route, Any]] = [((), written.value)]
    while waiting:
        route, value = waiting.pop()
        problem = _refusal(value, len(route))
        if problem:
            raise written.wrong(route, problem)
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for part, inner in entries:
            problem = _refusal(part, 0)
            if problem:
                raise written.wrong(route, f"key {part!r}: {problem}")
            if isinstance(inner, (dict, list, str, float)) or not _is_plain(inner):
                waiting.append(((*route, part), inner))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (int, bool))


def _refusal(value: Any, depth: int) -> str:
    """What is wrong with a value by itself; empty if nothing is."""
    if isinstance(value, (dict, list)):
        return f"mappings and lists are nested more than {MAX_DEPTH} deep" if depth > MAX_DEPTH else ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{value} is not a JSON number"
    if isinstance(value, str):
        is_kept = "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
        return "" if is_kept else "it contains a character that cannot be stored: NUL, or half a surrogate pair"
    return "" if _is_plain(value) else f"{type(value).__name__} is not a JSON type"


class _DuplicateKey(Exception):  # noqa: N818
    """An object has the same key twice."""


def _read_json(text: str, name: str, folder: Path) -> Written:
    def unlike(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise _DuplicateKey
        return dict(pairs)

    def places() -> Iterator[tuple[Route, Place]]:
        return ((route, _place(text, offset)) for route, offset in _json_offsets(text))

    try:
        value = json.loads(text, object_pairs_hook=unlike)
    except _DuplicateKey as error:
        seen: set[Route] = set()
        for route, place in places():
            if route in seen:
                raise _twice(name, route, place) from error
            seen.add(route)
        raise
    except json.JSONDecodeError as error:
        problem = f"it is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise PlanDocumentError(name, problem, (), error.lineno, error.colno) from error
    except (RecursionError, ValueError) as error:
        raise PlanDocumentError(name, f"its JSON cannot be read: {error}") from error
    return Written(name, folder, value, places)


_JSON_TOKEN = re.compile(r'[{}\[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')


def _json_offsets(text: str) -> Iterator[tuple[Route, int]]:
    """Every key and list entry in a valid JSON text, with its offset."""
    around: list[Any] = []  # The position in each open list, the key in each open object, None where a key must follow.
    for match in _JSON_TOKEN.finditer(text):
        mark = match[0]
        if mark in "]}":
            around.pop()
        elif mark == ",":
            around[-1] = around[-1] + 1 if isinstance(around[-1], int) else None
        elif around and around[-1] is None:
            around[-1] = json.loads(mark)
            yield tuple(around), match.start()
        elif mark != ":":
            if around and isinstance(around[-1], int):
                yield tuple(around), match.start()
            if mark in "{[":
                around.append(None if mark == "{" else 0)


def _place(text: str, offset: int) -> Place:
    return Place(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _twice(name: str, route: Route, place: Place) -> PlanDocumentError:
    problem = f"key {str(route[-1])!r} appears twice; remove or rename one"
    return PlanDocumentError(name, problem, route[:-1], *place)


_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    ("merge", "<<", ["<"]),
)


class _Loader(_Parser):
    """Knows the words of the core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


class _Dumper(yaml.SafeDumper):
    """Quotes text that this loader, or one for YAML 1.1, would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Spell out equal values instead of using aliases."""
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    """Keep lines as lines and escape invisible characters, some of which would be folded like a line break."""
    style = None if text.isprintable() else "|" if text.replace("\n", "").isprintable() else '"'
    return dumper.represent_scalar(f"{_TAG}str", text, style)


_Dumper.add_representer(str, _represent_text)
for _kind, _pattern, _first in _CORE:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^(?:{_pattern})$"), _first)


def to_yaml(value: Any) -> str:
    """JSON values as YAML from which ``read_text`` reads the same values; keys keep their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False)


def _read_yaml(text: str, name: str, folder: Path) -> Written:
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        problem = f"it is not YAML: {error.problem}"
        if _is_indented_by_tab(text, error.problem_mark):
            problem += "; indent with spaces, since YAML forbids tabs there"
        raise PlanDocumentError(name, problem, (), *_mark(error.problem_mark)) from error
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")
        place = _place(text, max(0, text.find(chr(character))))
        problem = f"it is not YAML: character U+{character:04X} is not allowed"
        raise PlanDocumentError(name, problem, (), *place) from error
    except RecursionError as error:
        raise PlanDocumentError(name, "its mappings and lists are nested too deeply") from error
    if root is None:
        return Written(name, folder, None)
    return Written(name, folder, _Composed(name).value(root, ()), lambda: _yaml_places(root, ()))


def _is_indented_by_tab(text: str, mark: Any) -> bool:
    line = "" if mark is None else "".join(text.split("\n")[mark.line : mark.line + 1])
    return "\t" in line[: len(line) - len(line.lstrip())]


def _mark(mark: Any) -> tuple[int, ...]:
    return () if mark is None else Place(mark.line + 1, mark.column + 1)


def _yaml_places(node: yaml.Node, route: Route) -> Iterator[tuple[Route, Place]]:
    if isinstance(node, yaml.MappingNode):
        for key, inner in node.value:
            yield (*route, key.value), Place(*_mark(key.start_mark))
            yield from _yaml_places(inner, (*route, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for position, inner in enumerate(node.value):
            yield (*route, position), Place(*_mark(inner.start_mark))
            yield from _yaml_places(inner, (*route, position))


class _Composed:
    """Turns YAML nodes into JSON values; an alias is the node it names, so its values are counted each time."""

    def __init__(self, name: str) -> None:
        self._name, self._count = name, 0
        self._around: list[yaml.Node] = []

    def value(self, node: yaml.Node, route: Route) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            problem = f"it expands to more than {MAX_VALUES:,} values; use fewer aliases, or keep data in files"
            raise PlanDocumentError(self._name, problem)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, route)
        if len(self._around) > MAX_DEPTH:
            self._refuse(node, (), f"mappings and lists are nested more than {MAX_DEPTH} deep")
        if any(node is outer for outer in self._around):
            self._refuse(node, route, "it contains itself through an alias")
        self._around.append(node)
        made = self._mapping(node, route) if isinstance(node, yaml.MappingNode) else self._list(node, route)
        self._around.pop()
        return made

    def _list(self, node: yaml.Node, route: Route) -> list[Any]:
        if node.tag != f"{_TAG}seq":
            self._refuse(node, route, f"tag {_spelled(node.tag)} is not known here; write plain values")
        return [self.value(inner, (*route, position)) for position, inner in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, route: Route) -> dict[str, Any]:
        if node.tag != f"{_TAG}map":
            self._refuse(node, route, f"tag {_spelled(node.tag)} is not known here; write plain values")
        made: dict[str, Any] = {}
        for key, inner in node.value:
            if key.tag == _MERGE:
                self._refuse(key, route, "<< is not supported; use the alias as the value: `retry: *often`")
            if key.tag != f"{_TAG}str":
                self._refuse(key, route, f"key {_shown(key)} is not text; put it in quotes")
            if key.value in made:
                raise _twice(self._name, (*route, key.value), Place(*_mark(key.start_mark)))
            made[key.value] = self.value(inner, (*route, key.value))
        return made

    def _scalar(self, node: yaml.ScalarNode, route: Route) -> Any:
        text = node.value
        try:
            if node.tag == f"{_TAG}str":
                return text
            if node.tag == f"{_TAG}null":
                return None
            if node.tag == f"{_TAG}bool":
                return {"true": True, "false": False}[text.lower()]
            if node.tag == f"{_TAG}int":
                return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
            if node.tag == f"{_TAG}float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except (KeyError, ValueError) as error:
            what = node.tag.removeprefix(_TAG)
            raise self._wrong(node, route, f"{text[:40]!r} is not a valid {what}") from error
        return self._refuse(node, route, f"tag {_spelled(node.tag)} is not known here; write plain values")

    def _refuse(self, node: yaml.Node, route: Route, problem: str) -> NoReturn:
        raise self._wrong(node, route, problem)

    def _wrong(self, node: yaml.Node, route: Route, problem: str) -> PlanDocumentError:
        return PlanDocumentError(self._name, problem, route, *_mark(node.start_mark))


def _spelled(tag: str) -> str:
    return tag.replace(_TAG, "!!")


def _shown(node: yaml.Node) -> str:
    return repr(node.value) if isinstance(node, yaml.ScalarNode) else "a mapping or list"
