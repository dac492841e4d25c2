"""Themes: groups of documents that say related things, whose number is not fixed in advance.

``find_themes`` (reduce) → ``count_by_theme`` (map) → ``merge_theme_counts``, ``label_themes`` (reduce).
"""

from eopiez_ray.phases.themes.finding import FoundThemes, ThemeFacts, ThemeOptions, find_themes
from eopiez_ray.phases.themes.labels import ThemeCounts, count_by_theme, label_themes, merge_theme_counts
from eopiez_ray.phases.themes.sheaf import CellularSheaf
from eopiez_ray.phases.themes.tables import Themes, themes_table

__all__ = [
    "CellularSheaf",
    "FoundThemes",
    "ThemeCounts",
    "ThemeFacts",
    "ThemeOptions",
    "Themes",
    "count_by_theme",
    "find_themes",
    "label_themes",
    "merge_theme_counts",
    "themes_table",
]
