"""Facets of a collection: the domains, people, hashtags and emoji that its texts point at."""

from eopiez_ray.phases.facets.counting import count_facets, facets_table, merge_facets
from eopiez_ray.phases.facets.finding import Facet, Pointer, find_pointers

__all__ = ["Facet", "Pointer", "count_facets", "facets_table", "find_pointers", "merge_facets"]
