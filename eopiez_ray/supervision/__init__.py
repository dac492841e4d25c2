"""``eopiez up``: everything that a system needs on one machine, started, watched and stopped together."""
