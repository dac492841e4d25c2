"""The page on metrics says what the catalogue does."""

from __future__ import annotations

from eopiez_ray.monitoring.catalogue import CATALOGUE
from eopiez_ray.monitoring.reference import page
from tests.documents import ROOT


def test_page_is_made_from_the_catalogue() -> None:
    assert (ROOT / "docs/metrics.md").read_text() == page().rstrip("\n") + "\n"


def test_page_names_every_metric() -> None:
    text = page()
    assert all(f"| `{name}` |" in text for name in CATALOGUE)
