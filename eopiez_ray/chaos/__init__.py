"""Kills what the engine runs on, again and again, and counts what that costs."""
