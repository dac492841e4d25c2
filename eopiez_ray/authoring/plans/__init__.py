"""Plans: building them in Python, and reading and writing them as documents in YAML or JSON."""
