"""Traces: finished work as spans of OpenTelemetry, and their way to a collector."""
