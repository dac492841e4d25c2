"""Categories of motifs, from a list of words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml

from eopiez_ray.errors import ParameterError

HEAD_WEIGHT = 2.0
"""Weight of a motif's last word, which most often says what the whole is; every other word has weight 1."""
_SHORTEST_STEM = 3


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words, stems and phrases of some categories."""

    words: dict[str, frozenset[str]]
    """Word or phrase (words with single spaces) to the categories that list it."""
    stems: dict[str, frozenset[str]]
    """Beginning of a word to the categories that list it with ``*``."""
    categories: tuple[str, ...]

    @classmethod
    def load(cls, path: str | Path | None = None) -> Lexicon:
        """A lexicon from a YAML file, or the built-in one.

        The file has one key, ``categories``: a mapping of each category's name to a list of words, of phrases, and
        of stems that end in ``*``.

        Raises:
            ParameterError: the file cannot be read, or is not of this form; the message names the line.
        """
        if path is None:
            text = resources.files("eopiez_ray.phases.motifs").joinpath("lexicon.yaml").read_text("utf-8")
            return cls.parse(text, "lexicon.yaml")
        try:
            return cls.parse(Path(path).read_text("utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"cannot read the lexicon {path}: {error}") from error

    @classmethod
    def parse(cls, text: str, name: str) -> Lexicon:
        """A lexicon from YAML.

        Raises:
            ParameterError: the text is not of the form that ``load`` describes.
        """
        words: dict[str, set[str]] = defaultdict(set)
        stems: dict[str, set[str]] = defaultdict(set)
        categories = []
        for category, entries in _categories(text, name):
            categories.append(category)
            for entry, line in entries:
                folded = " ".join(entry.casefold().replace("-", " ").split())
                stem = folded.removesuffix("*")
                if stem == folded:
                    words[folded].add(category)
                elif len(stem) < _SHORTEST_STEM or " " in stem or "*" in stem:
                    raise _wrong(
                        name, line, f"{entry!r} is not a stem; write at least {_SHORTEST_STEM} letters and one *"
                    )
                else:
                    stems[stem].add(category)
        return cls(
            {word: frozenset(found) for word, found in words.items()},
            {stem: frozenset(found) for stem, found in stems.items()},
            tuple(categories),
        )

    def classify(self, words: Sequence[str]) -> tuple[str | None, float]:
        """The category of a motif, and the share of its words' weight that speaks for it; None and 0 if none does.

        A phrase speaks with all of its words. Where categories tie, the one that was listed first is taken.
        """
        weights = [1.0] * (len(words) - 1) + [HEAD_WEIGHT]
        votes: dict[str, float] = dict.fromkeys(self.categories, 0.0)
        for position, word in enumerate(words):
            for category in self._of_word(word):
                votes[category] += weights[position]
        for start in range(len(words)):
            for end in range(start + 2, len(words) + 1):
                for category in self.words.get(" ".join(words[start:end]), ()):
                    votes[category] = max(votes[category], sum(weights[start:end]))
        best = max(votes, key=lambda category: votes[category], default=None)
        if best is None or not votes[best]:
            return None, 0.0
        return best, votes[best] / sum(weights)

    def _of_word(self, word: str) -> frozenset[str]:
        found = self.words.get(word, frozenset())
        stems = (self.stems.get(word[:end], frozenset()) for end in range(_SHORTEST_STEM, len(word) + 1))
        return found.union(*stems)


def _categories(text: str, name: str) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Each category with its entries and their lines, counted from 1."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _wrong(name, line, f"it is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise _wrong(name, 1, f"it is not YAML: {error}") from error
    if not isinstance(root, yaml.MappingNode) or [key.value for key, _ in root.value] != ["categories"]:
        raise _wrong(name, _line(root), "it must have one key, `categories`")
    _, listed = root.value[0]
    if not isinstance(listed, yaml.MappingNode) or not listed.value:
        raise _wrong(name, _line(listed), "`categories` must map the name of each category to a list of words")
    seen: set[str] = set()
    for key, entries in listed.value:
        if not isinstance(key, yaml.ScalarNode) or not key.value.strip() or key.value in seen:
            raise _wrong(name, _line(key), "the name of a category is missing, given twice, or not a word")
        seen.add(key.value)
        if not isinstance(entries, yaml.SequenceNode) or not entries.value:
            raise _wrong(name, _line(entries), f"category {key.value!r} must be a list of words")
        yield key.value, [_entry(name, node) for node in entries.value]


def _entry(name: str, node: yaml.Node) -> tuple[str, int]:
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        raise _wrong(name, _line(node), "an entry must be a word, a phrase or a stem with *")
    return node.value, _line(node)


def _line(node: yaml.Node | None) -> int:
    return node.start_mark.line + 1 if node is not None else 1


def _wrong(name: str, line: int, problem: str) -> ParameterError:
    return ParameterError(f"lexicon {name}, line {line}: {problem}")
