"""Labelled collections, samples of them, and other ways to find topics: what ``benchmarks/themes.py`` compares."""
