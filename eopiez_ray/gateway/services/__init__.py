"""Calls to services that run elsewhere: which instance, whether at all, and what of a request goes out to it."""
