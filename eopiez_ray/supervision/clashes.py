"""Settings that do not go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import EopiezError
from ..monitoring.tracing.headers import headers_of
from ..monitoring.tracing.wire import is_installed
from ..settings import Settings, variable
from .examination import Finding, Verdict, certificate, is_open_to_others
from .prometheus import hindrance


def clashes(settings: Settings) -> Iterator[Finding]:
    """What settings that are right by themselves get wrong together, and what to do."""
    yield from _of_places(settings)
    yield from _of_gateway(settings)
    yield from _of_certificate(settings)
    yield from _of_encryption(settings)
    yield from _of_monitoring(settings)


def _of_places(settings: Settings) -> Iterator[Finding]:
    is_local = "://" not in settings.artifacts or settings.artifacts.startswith("file://")
    if settings.pooler_url is not None and settings.database_url is None:
        yield _bad("pooler_url", "a pooler without a database", "name the server behind it in EOPIEZ_DATABASE_URL")
    if settings.autoscaling and settings.ray_address is None:
        yield _doubtful(
            "autoscaling",
            "a cluster started here has no autoscaler",
            "name a cluster in EOPIEZ_RAY_ADDRESS, or leave it out",
        )
    if settings.ray_address is not None and is_local:
        yield _doubtful(
            "artifact_url",
            f"artifacts of the cluster go to a local folder, {settings.artifacts}",
            "as soon as the cluster has several machines, it has to be storage that all reach, such as s3://bucket/path",
        )


def _of_gateway(settings: Settings) -> Iterator[Finding]:
    if settings.gateway_min_replicas > settings.gateway_max_replicas:
        yield _doubtful(
            "gateway_max_replicas",
            f"it is below the fewest replicas, {settings.gateway_min_replicas}",
            "raise it, or lower EOPIEZ_GATEWAY_MIN_REPLICAS",
        )
    if settings.gateway_host not in {"127.0.0.1", "localhost", "::1"} and settings.secret_key is None:
        yield _doubtful(
            "secret_key",
            "others are let in, and secrets in the database are not sealed",
            "give at least 32 random characters: docs/security.md",
        )
    if settings.oidc_issuer is not None and settings.oidc_client_secret is None:
        yield _doubtful(
            "oidc_client_secret",
            "the provider is asked without a secret",
            "set it, unless the provider knows this gateway as a public client",
        )


def _of_certificate(settings: Settings) -> Iterator[Finding]:
    """What is wrong with the gateway's certificate, as said of the setting."""
    for finding in certificate(settings):
        if finding.verdict is not Verdict.GOOD:
            yield replace(finding, subject=variable("tls_certificate"))


def _of_encryption(settings: Settings) -> Iterator[Finding]:
    if unusable := _unusable(settings):
        yield _bad("encryption", unusable, "docs/encryption.md and docs/erasure.md show how they are written")
    if settings.encryption_key_file is not None and is_open_to_others(settings.encryption_key_file):
        yield _doubtful(
            "encryption_key_file",
            "others on this machine can read the master keys",
            "let their owner alone read the file: chmod 600",
        )


def _of_monitoring(settings: Settings) -> Iterator[Finding]:
    if settings.otlp_url is not None and not is_installed():
        yield _bad(
            "otlp_url",
            "what exports traces is not installed",
            "pip install 'eopiez-ray[tracing]', or leave it out",
        )
    unable = hindrance(settings)
    if unable is not None:
        yield _bad("prometheus", *unable)
    yield from _of_headers(settings)
    if not settings.metrics_fine_hours <= settings.metrics_minute_hours <= settings.metrics_hour_days * 24:
        yield _doubtful(
            "metrics_minute_hours",
            "coarser samples are kept for less time than finer ones",
            "let EOPIEZ_METRICS_FINE_HOURS, _MINUTE_HOURS and _HOUR_DAYS grow in this order",
        )


def _of_headers(settings: Settings) -> Iterator[Finding]:
    try:
        headers = headers_of(settings.otlp_headers)
    except EopiezError as error:
        yield _bad("otlp_headers", str(error), "docs/tracing.md shows how they are written")
        return
    if headers and settings.otlp_url is None:
        yield _doubtful("otlp_headers", "there are headers for a collector, and no collector", "set EOPIEZ_OTLP_URL")
    elif headers and str(settings.otlp_url).startswith("http://"):
        yield _doubtful("otlp_headers", "they are sent unencrypted", "use https://, unless the collector is near")


def _bad(name: str, facts: str, advice: str) -> Finding:
    return Finding(variable(name), Verdict.BAD, facts, advice)


def _doubtful(name: str, facts: str, advice: str) -> Finding:
    return Finding(variable(name), Verdict.WARNING, facts, advice)


def _unusable(settings: Settings) -> str:
    """What is wrong with master keys or rules for masking; empty if nothing is."""
    try:
        _ = settings.at_rest
    except EopiezError as error:
        return str(error)
    return ""
