"""Who calls, and whether they may: passwords, tokens, second factors, sessions, keys, limits and the audit trail."""
