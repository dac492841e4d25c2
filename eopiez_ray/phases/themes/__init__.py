"""Themes: groups of documents that say related things, whose number is not fixed in advance.

``find_themes`` (reduce) → ``count_by_theme`` (map) → ``merge_theme_counts``, ``name_themes`` (reduce) →
``spell`` (map) → ``themes_table`` (reduce).
"""

from eopiez_ray.phases.themes.counting import ThemeCounts, count_by_theme, merge_theme_counts
from eopiez_ray.phases.themes.finding import FoundThemes, ThemeFacts, find_themes
from eopiez_ray.phases.themes.labels import label_themes
from eopiez_ray.phases.themes.naming import NamedTheme, name_themes
from eopiez_ray.phases.themes.sheaf import CellularSheaf
from eopiez_ray.phases.themes.spelling import Spellings, spell
from eopiez_ray.phases.themes.subject import ThemeOptions
from eopiez_ray.phases.themes.tables import Themes, themes_table

__all__ = [
    "CellularSheaf",
    "FoundThemes",
    "NamedTheme",
    "Spellings",
    "ThemeCounts",
    "ThemeFacts",
    "ThemeOptions",
    "Themes",
    "count_by_theme",
    "find_themes",
    "label_themes",
    "merge_theme_counts",
    "name_themes",
    "spell",
    "themes_table",
]
