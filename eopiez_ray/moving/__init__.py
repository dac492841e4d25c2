"""Workflows with their results in one file, on their way from one system to another."""
