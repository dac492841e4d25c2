"""What users write: their own phases, and plans of them in Python or as documents."""
