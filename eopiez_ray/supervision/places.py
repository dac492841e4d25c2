"""Where the parts of a system find each other."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses, ports, and what opens the gateway to Prometheus."""

    database_url: str
    ray_address: str
    ray_ports: tuple[int, ...]
    """Ports of the cluster started here: its head, the dashboard; empty for a cluster of others."""
    url: str
    metrics_token: str | None = field(default=None, repr=False)
    """What reads all metrics at the gateway; None if nothing does."""
