"""Plans: building them in Python, and reading and writing them as YAML or JSON documents."""
