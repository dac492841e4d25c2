"""Alerts: rules over metrics and events, a pure evaluator, and an outbox that tells people."""
