"""The gateway: the API over HTTP. It writes to the store and reads from it, and never talks to an orchestrator."""
