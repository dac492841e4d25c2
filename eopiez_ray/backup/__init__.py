"""Backups of a whole system: database, artifacts, and what the gateway has been given; docs/backup.md tells how."""
