"""A day of mixed use: a system, the people who use it, what they do, and what they met."""
