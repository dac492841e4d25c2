"""Connections to addresses that others have named: where they may go, and that they go nowhere else."""
