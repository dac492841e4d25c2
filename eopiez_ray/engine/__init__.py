"""Decides and runs: the orchestrator, its journal, the workers on Ray, and the artifacts."""
