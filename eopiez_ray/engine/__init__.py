"""Where workflows are driven: the orchestrator, its journal, the workers on Ray, and the artifacts."""
