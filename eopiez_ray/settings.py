"""Settings, read once at startup: arguments override ``EOPIEZ_*`` variables, these override files, these defaults."""

from __future__ import annotations

import json
import os
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from platformdirs import user_config_path, user_data_path
from pydantic import Field, IPvAnyNetwork, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from .encryption.masters import Encryption, encryption_of
from .errors import ParameterError
from .masking import Masker

_ANYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
PREFIX = "EOPIEZ_"
FOLDER = "EOPIEZ_SETTINGS_FOLDER"
"""The variable with the folder of files that hold settings: each is named as a variable, and holds its value."""
JOB_FACTS = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""The variable by which Ray tells a job's driver what job it is."""


class Settings(BaseSettings):
    """Where everything lives and how much of the machine it may use."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    home: Path = Field(default_factory=lambda: user_data_path("eopiez", appauthor=False))
    """The data home: embedded database, artifacts, logs."""
    database_url: str | None = Field(default=None, repr=False)
    """``postgresql://…``; unset means an embedded server under the data home."""
    pooler_url: str | None = Field(default=None, repr=False)
    """PgBouncer in transaction mode in front of that database: statements go through it, and what needs a session of
    its own, LISTEN and advisory locks, goes to ``database_url``."""
    artifact_url: str | None = None
    """A ``pyarrow.fs`` URL; unset means a folder under the data home."""
    ray_address: str | None = None
    """A running Ray cluster (``auto`` or ``host:port``); unset means the one whose job this process is, and otherwise
    starts one on this machine and stops it at the end."""
    autoscaling: bool = False
    """Whether an autoscaler adds nodes to that cluster: waiting work is then shown in Ray's queue as demand, and no
    task is refused because no node can run it yet."""
    cpus: int | None = Field(default=None, ge=1)
    """CPUs for the cluster started here; unset means all."""
    object_store_bytes: int = Field(default=256 * 2**20, ge=80 * 2**20)
    """Size of the object store of the cluster started here."""
    lease_s: float = Field(default=15.0, gt=0)
    """Seconds, by the database's clock, for which an orchestrator's lease lasts without renewal."""
    database_patience_s: float = Field(default=120.0, gt=0)
    """Seconds for which an orchestrator keeps trying to reach a lost database before it gives up."""

    gateway_host: str = "127.0.0.1"
    """Where the gateway listens; ``0.0.0.0`` lets other machines in."""
    gateway_port: int = Field(default=8000, ge=0, le=65535)
    tls_certificate: Path | None = None
    """The gateway's certificate, and those above it, in PEM: with it and ``tls_key``, the gateway speaks HTTPS."""
    tls_key: Path | None = None
    """The certificate's private key, in PEM and without a password."""
    gateway_min_replicas: int = Field(default=1, ge=1)
    gateway_max_replicas: int = Field(default=4, ge=1)
    """Ray Serve adds and removes replicas between these, by the requests in flight."""
    gateway_follower_replicas: int = Field(default=1, ge=1)
    """Replicas that serve followers of events and logs."""
    gateway_requests: int = Field(default=100, ge=1)
    """Requests that a replica of the gateway answers at once; the next one gets 429."""
    gateway_streams: int = Field(default=1000, ge=0)
    """Followers of events and logs for each replica, besides."""
    gateway_folder: Path | None = None
    """Where uploads and results of the pipeline are, reached by all workers under this path; unset means ``shared``
    under the data home."""
    gateway_followers: str | None = None
    """Path prefix to which followers are redirected; unset, they are served where they ask."""
    gateway_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds that a request may take, streams apart."""
    gateway_body_bytes: int = Field(default=16 * 2**20, ge=1024)
    """Size of the largest body that is no upload."""
    gateway_upload_bytes: int = Field(default=64 * 2**30, ge=1024)
    """Size of the largest upload."""
    gateway_part_bytes: int = Field(default=64 * 2**20, ge=1024)
    """Size of the largest part of an upload: Serve may hold a whole body in memory before a replica reads it."""
    gateway_allows_code: bool = True
    """Whether developers may send code over HTTP, which workers then run."""
    gateway_modules: tuple[str, ...] = ()
    """Python modules whose phases plans may name, besides the content phases; the gateway imports them at start."""
    gateway_inputs: tuple[Path, ...] = ()
    """Folders on the workers' machines whose files the pipeline may read; uploads are always allowed."""
    gateway_input_urls: tuple[str, ...] = ()
    """Where files may be that the pipeline reads by URL, as in ``gateway_services``: by default nowhere."""
    gateway_input_url_bytes: int = Field(default=2**30, ge=1024)
    """Size of the largest file that is read by URL."""

    gateway_services: tuple[str, ...] = ()
    """Where services may be: networks (``10.0.0.0/8``), hosts (``ocr.example.com``), all hosts of a domain
    (``*.example.com``) or all public ones (``*``), each with or without ports (``10.0.0.0/8:4000-4999``). None by
    default, so that the gateway calls nobody."""
    gateway_service_timeout_s: float = Field(default=30.0, gt=0)
    """Seconds within which an instance of a service begins to answer, and that may pass between parts of its answer."""
    gateway_service_calls: int = Field(default=50, ge=2)
    """Calls of services that a replica has under way at once, half of them for one project; the next one gets 429."""
    gateway_service_bytes: int = Field(default=64 * 2**20, ge=1024)
    """Size of a service's largest answer."""
    gateway_service_check_s: float = Field(default=10.0, gt=0)
    """Seconds between checks of an instance's health, by one of the replicas."""

    encryption: bool = True
    """Whether data is encrypted at rest, where master keys are given; what is encrypted can be read either way."""
    encryption_keys: str | None = Field(default=None, repr=False)
    """Master keys, which wrap the data keys in the database: each a name, a colon and 32 random bytes in base64,
    separated by commas. The first one wraps."""
    encryption_key_file: Path | None = None
    """A file of master keys instead, one a line. It is read again when it has changed."""
    encryption_command: str | None = None
    """A command of a key service instead, which keeps the master keys to itself."""

    masking: tuple[str, ...] = ()
    """What is masked in lines, errors and rejected rows before they are stored: ``mail``, ``phone``, ``card``,
    ``iban``, and rules of your own, each a name, an equals sign and a pattern of RE2."""

    retain_results_days: float | None = Field(default=None, ge=0)
    """Days for which workflows are kept after they have ended, with their results and all else; unset is for ever."""
    retain_logs_days: float | None = Field(default=None, ge=0)
    """The same for lines that tasks log and print."""
    retain_rejects_days: float | None = Field(default=None, ge=0)
    """The same for rejected rows."""
    retain_errors_days: float | None = Field(default=None, ge=0)
    """The same for what errors say."""
    retain_uploads_days: float | None = Field(default=None, ge=0)
    """Days for which uploads are kept."""

    log_days: float = Field(default=14.0, gt=0)
    """Days for which lines of the system's log are kept."""
    log_bytes: int = Field(default=2**30, ge=2**20)
    """Bytes of lines of the system's log, without indexes, beyond which the oldest are forgotten."""

    alerts: bool = True
    """Whether rules of alerts are evaluated and messages sent, by one replica or orchestrator at a time."""
    alert_targets: tuple[str, ...] = ("*",)
    """Where webhooks, Alertmanagers and mail servers may be, as in ``gateway_services``: by default at any public
    address."""

    rate_address: float = Field(default=1000.0, ge=0)
    """Requests a second from one address, over all replicas; twice as many at once. 0 lifts the limit."""
    rate_caller: float = Field(default=500.0, ge=0)
    """Requests a second of one user, or of one API key."""
    rate_project: float = Field(default=2000.0, ge=0)
    """Requests a second of all who work for a project together."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """Networks of proxies in front of the gateway, whose ``X-Forwarded-For`` is believed; nobody else's is."""

    public_url: str | None = None
    """Where people reach the gateway, if that is not where it listens; access tokens name it as their issuer."""
    access_token_s: float = Field(default=300.0, gt=0, le=3600)
    """Seconds for which an access token holds."""
    session_idle_s: float = Field(default=3600.0, gt=0)
    """Seconds without a request after which a session ends."""
    session_s: float = Field(default=86400.0, gt=0)
    """Seconds after which a session ends in any case."""
    signing_key_s: float = Field(default=30 * 86400.0, gt=0)
    """Seconds after which access tokens are signed with a new key."""
    secret_key: str | None = Field(default=None, repr=False)
    """At least 32 random characters, the same for all replicas, that seal what the database keeps of signing keys and
    second factors; unset leaves them open to whoever reads the database."""
    oidc_issuer: str | None = None
    """The URL of an OpenID Connect provider where people may sign in."""
    oidc_client_id: str = "eopiez"
    """How that provider calls this gateway."""
    oidc_client_secret: str | None = Field(default=None, repr=False)
    oidc_creates_users: bool = True
    """Whether whom the provider knows becomes a user, who has no role anywhere yet."""
    audit_webhook: str | None = Field(default=None, repr=False)
    """A URL that is told the head of the audit log after each change, so that a cut tail shows; besides a file in the
    data home."""

    metrics: bool = True
    """Whether replicas of the gateway and standing orchestrators measure, and roll up what was measured."""
    metrics_interval_s: float = Field(default=10.0, gt=0, le=10)
    """Seconds after which each process reports what it has measured."""
    metrics_fine_hours: float = Field(default=1.0, ge=0.5)
    """Hours for which samples of 10 seconds are kept."""
    metrics_minute_hours: float = Field(default=12.0, ge=2)
    """Hours for which samples of a minute are kept."""
    metrics_hour_days: float = Field(default=35.0, ge=2)
    """Days for which samples of an hour are kept."""
    metrics_day_days: float = Field(default=400.0, ge=2)
    """Days for which samples of a day are kept."""
    metrics_token: str | None = Field(default=None, min_length=32, repr=False)
    """At least 32 random characters that read ``GET /metrics`` of the whole system and nothing else, for Prometheus."""
    prometheus: bool = False
    """Whether ``eopiez up`` starts Prometheus, which has to be installed, to scrape the system."""
    prometheus_port: int = Field(default=9090, ge=1, le=65535)
    """Where it listens, on this machine alone."""
    otlp_url: str | None = None
    """Where traces of finished work go: a collector's address for OTLP over HTTP, such as
    ``http://127.0.0.1:4318/v1/traces``. Unset exports none."""
    otlp_headers: str | None = Field(default=None, repr=False)
    """Headers of requests to that collector, such as its key: ``name=value`` pairs, separated by commas, their values
    percent-encoded where they hold commas, spaces or percent signs."""
    price_cpu_hour: float = Field(default=0.0, ge=0)
    """What an hour of CPU time of tasks costs, in whatever currency."""
    price_gpu_hour: float = Field(default=0.0, ge=0)
    """What an hour costs for which a task holds a GPU."""
    price_gib_hour: float = Field(default=0.0, ge=0)
    """What an hour costs for which a task holds a gibibyte of memory."""

    backup_url: str | None = None
    """Where backups go: a folder on another disk, or a ``pyarrow.fs`` URL such as ``s3://bucket/backups``. If set,
    ``eopiez up`` keeps backups."""
    backup_key: str | None = Field(default=None, repr=False)
    """The key of the backups, as ``eopiez backup key`` shows it; unset means the one in ``backup_key_file``."""
    backup_key_file: Path | None = None
    """The file with the key, made with the first backup; unset means ``backup.key`` in the user's folder for
    configuration. Keep a copy of it away from this machine."""
    backup_every_hours: float = Field(default=24.0, gt=0)
    """Hours from one backup to the next; between them, an embedded database's changes are kept as they come."""
    backup_keep_last: int = Field(default=3, ge=1)
    """How many of the latest backups are kept in any case."""
    backup_keep_days: int = Field(default=7, ge=0)
    """For how many days the last backup of each is kept."""
    backup_keep_weeks: int = Field(default=4, ge=0)
    """For how many weeks the last backup of each is kept."""
    backup_keep_months: int = Field(default=12, ge=0)
    """For how many months the last backup of each is kept."""

    @model_validator(mode="before")
    @classmethod
    def _stay_on_the_cluster_of_the_job(cls, given: dict[str, Any]) -> dict[str, Any]:
        """A cluster inside a job would hide from the nodes that the job was submitted to."""
        return {"ray_address": "auto", **given} if ray_job() is not None else given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then variables, then files; the others are not used."""
        folder = settings_folder()
        files = () if folder is None else (SecretsSettingsSource(settings_cls, folder),)
        return init_settings, env_settings, *files

    @property
    def shared_folder(self) -> Path:
        """The folder that the gateway shares with the workers."""
        return (self.gateway_folder or self.home / "shared").expanduser().absolute()

    @property
    def gateway_url(self) -> str:
        """Where this machine reaches the gateway."""
        host = "127.0.0.1" if self.gateway_host in _ANYWHERE else self.gateway_host
        return f"{'http' if self.tls_certificate is None else 'https'}://{host}:{self.gateway_port}"

    @property
    def backup_key_path(self) -> Path:
        """The file with the key of the backups."""
        own = user_config_path("eopiez", appauthor=False) / "backup.key"
        return (self.backup_key_file or own).expanduser().absolute()

    @cached_property
    def artifacts(self) -> str:
        """Where artifacts are kept, as a ``pyarrow.fs`` URL or a local path."""
        return self.artifact_url or str(self.home.expanduser().absolute() / "artifacts")

    @cached_property
    def at_rest(self) -> Encryption:
        """How data is masked, and encrypted at rest.

        Raises:
            ParameterError: master keys are given in several ways, or a rule for masking is none.
            MasterKeyError: what is given is no master key.
        """
        given = self.encryption_keys, self.encryption_key_file, self.encryption_command
        mask = Masker(self.masking).text if self.masking else str
        return encryption_of(*given, self.encryption)._replace(mask=mask)


def variable(name: str) -> str:
    """The variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def secrets() -> list[str]:
    """Names of the settings that nobody is shown."""
    return [name for name, field in Settings.model_fields.items() if not field.repr]


def settings_folder() -> Path | None:
    """The folder of files that hold settings; None if there is none.

    Raises:
        ParameterError: what is named is no folder.
    """
    named = os.environ.get(FOLDER)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise ParameterError(
            f"{FOLDER} is {named!r}, which is not a folder that this user can read; create or unset it"
        )
    return folder


def ray_job() -> str | None:
    """The submission id of the Ray job to which this process belongs; None outside of one."""
    return _submission_id(os.environ.get(JOB_FACTS, ""))


@cache
def _submission_id(facts: str) -> str | None:
    metadata = json.loads(facts).get("metadata", {}) if facts else {}
    return metadata.get("job_submission_id")
