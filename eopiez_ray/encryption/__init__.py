"""Encryption at rest: keys, sealed values and texts, sealed files. Knows neither the database nor the settings."""
