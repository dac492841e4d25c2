"""Kills what the engine runs on, again and again, and measures what that costs."""
