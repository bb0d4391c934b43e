"""Where an installation keeps its state and whom it talks to: the only reader of the environment."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.landing import FolderLanding, S3Landing, open_landing

PREFIX = "MILLRACE_"
CHECKOUT = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """A variable of the environment holds what it cannot hold; the message says what to write."""


@dataclass(frozen=True)
class Settings:
    """Everything that differs between installations. Build it with `Settings.from_environment()`.

    Attributes:
        home: folder with all state (warehouse file, ledger, landing, outbox); `MILLRACE_HOME`.
        landing: folder or `s3://bucket/prefix` where event files arrive; `MILLRACE_LANDING`.
        store_url: SQLAlchemy URL of the transactional store; `MILLRACE_STORE`.
        smtp_url: `smtp://[user:password@]host:port` of the mail server; `MILLRACE_SMTP`.
        mail_from: RFC 5322 address in `From:`; `MILLRACE_MAIL_FROM`.
        public_url: base of links in messages (unsubscribe, click, pixel); `MILLRACE_PUBLIC_URL`.
        secret: key that signs links; `MILLRACE_SECRET`.
        s3_endpoint_url: S3-compatible endpoint, none for Amazon's own; `MILLRACE_S3_ENDPOINT`.
        alert_webhook: takes alerts as `{"text": …}`, none for the log alone; `MILLRACE_ALERT_WEBHOOK`.
        providers_path: which providers deliver; `MILLRACE_PROVIDERS`, `connectors/providers.yml` without.
        webhooks_path: which systems are told of events; `MILLRACE_WEBHOOKS`, none without.
        origins: sites whose pages may call the collector, `*` for all; `MILLRACE_ORIGINS`, by commas.
        events_per_second: of one write key, over all workers; `MILLRACE_EVENTS_PER_SECOND`.
        segment_seconds: after which collected events land; `MILLRACE_SEGMENT_SECONDS`.
        hashes_pii: whether collected addresses and names are hashed; `MILLRACE_HASH_PII=1`.
        collector_workers: processes of the collector; `MILLRACE_COLLECTOR_WORKERS`.
        secrets: everything else that begins with `MILLRACE_`, without the prefix: what vendors ask for.
    """

    home: Path
    landing: str
    store_url: str
    smtp_url: str | None
    mail_from: str
    public_url: str
    secret: str
    s3_endpoint_url: str | None = None
    alert_webhook: str | None = None
    providers_path: Path = CHECKOUT / "connectors" / "providers.yml"
    webhooks_path: Path = CHECKOUT / "connectors" / "forwarding" / "webhooks.yml"
    origins: tuple[str, ...] = ("*",)
    events_per_second: float = 10_000.0
    segment_seconds: float = 5.0
    hashes_pii: bool = False
    collector_workers: int = 1
    secrets: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)

    @classmethod
    def from_environment(cls) -> Settings:
        """Read `MILLRACE_*` now; nothing is cached and nothing is created.

        Raises:
            SettingsError: a variable holds what it cannot hold.
        """
        return cls.under(Path(os.environ.get("MILLRACE_HOME", CHECKOUT / ".millrace")), os.environ)

    @classmethod
    def under(cls, home: Path, environment: os._Environ[str] | dict[str, str] | None = None) -> Settings:
        """Settings of an installation whose state lives under `home`, with the given overrides."""
        values = environment or {}
        home = Path(home).resolve()
        return cls(
            home=home,
            landing=values.get("MILLRACE_LANDING", str(home / "landing")),
            store_url=values.get("MILLRACE_STORE", f"sqlite:///{home / 'ledger.sqlite'}"),
            smtp_url=values.get("MILLRACE_SMTP"),
            mail_from=values.get("MILLRACE_MAIL_FROM", "Millrace Shop <hello@shop.example>"),
            public_url=values.get("MILLRACE_PUBLIC_URL", "https://shop.example"),
            secret=values.get("MILLRACE_SECRET", "development-only"),
            s3_endpoint_url=values.get("MILLRACE_S3_ENDPOINT"),
            alert_webhook=values.get("MILLRACE_ALERT_WEBHOOK"),
            providers_path=Path(values.get("MILLRACE_PROVIDERS", cls.providers_path)),
            webhooks_path=Path(values.get("MILLRACE_WEBHOOKS", cls.webhooks_path)),
            origins=tuple(values.get("MILLRACE_ORIGINS", "*").split(",")),
            events_per_second=_number(values, "MILLRACE_EVENTS_PER_SECOND", cls.events_per_second),
            segment_seconds=_number(values, "MILLRACE_SEGMENT_SECONDS", cls.segment_seconds),
            hashes_pii=_flag(values, "MILLRACE_HASH_PII"),
            collector_workers=int(
                _number(values, "MILLRACE_COLLECTOR_WORKERS", cls.collector_workers, whole=True)
            ),
            secrets={
                name.removeprefix(PREFIX): value for name, value in values.items() if name.startswith(PREFIX)
            },
        )

    @property
    def credentials(self) -> Mapping[str, str]:
        """What vendors are opened with, by `<PROVIDER>_<ARGUMENT>`."""
        return {**self.secrets, **({"SMTP_URL": self.smtp_url} if self.smtp_url else {})}

    def open_landing(self) -> FolderLanding | S3Landing:
        """The landing, wherever it is."""
        return open_landing(self.landing, self.s3_endpoint_url)

    @property
    def fence_path(self) -> Path:
        """File by which the ledger recognizes this installation, and a copy of it."""
        return self.home / "fence.json"

    @property
    def hot_lane_path(self) -> Path:
        """File that the hot lane of this installation holds a lock on."""
        return self.home / "hot_lane.lock"

    @property
    def forwarder_path(self) -> Path:
        """File that the forwarder of this installation holds a lock on."""
        return self.home / "forwarder.lock"

    @property
    def collector_spool(self) -> Path:
        """Folder of the collector's open files; for a folder landing inside it, because they are renamed."""
        home = self.home if self.landing.startswith("s3://") else Path(self.landing)
        return home / "collector"

    @property
    def warehouse_path(self) -> Path:
        """DuckDB file that only the writer opens."""
        return self.home / "warehouse.duckdb"

    @property
    def serving_path(self) -> Path:
        """DuckDB snapshot that dashboards and analysts read while the writer works."""
        return self.home / "serving.duckdb"

    @property
    def models(self) -> Path:
        """Folder of trained models, one folder each."""
        return self.home / "models"

    @property
    def outbox(self) -> Path:
        """Folder in which the demo's mail server and the console connectors keep messages as files."""
        return self.home / "outbox"

    @property
    def parse_cache(self) -> Path:
        """Folder of the parsed dbt project: one per checkout, or per installation where that is read-only."""
        checkout = self.dbt_project / "target"
        return checkout if os.access(self.dbt_project, os.W_OK) else self.home / "dbt_target"

    @property
    def dagster_home(self) -> Path:
        """Folder in which Dagster keeps runs, events and schedules."""
        return self.home / "dagster"

    def child_environment(self) -> dict[str, str]:
        """The environment in which Dagster's processes find this installation.

        Each run is a new process: it may keep the modules that it compiled, or every run compiles them again.
        """
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**inherited, "MILLRACE_HOME": str(self.home), "DAGSTER_HOME": str(self.dagster_home)}

    @property
    def dbt_project(self) -> Path:
        """The dbt project of this checkout."""
        return CHECKOUT / "dbt"


def tell_workers(count: int) -> None:
    """Leave in the environment, for the collector's processes to come, how many they are."""
    os.environ["MILLRACE_COLLECTOR_WORKERS"] = str(count)


def _number(values: Mapping[str, str], name: str, default: float, *, whole: bool = False) -> float:
    """A number above zero."""
    text = values.get(name, str(default))
    try:
        number = float(int(text) if whole else float(text))
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        kind = "a whole number" if whole else "a number"
        raise SettingsError(f"{name} is {text!r}: write {kind} above 0, or leave it out for {default:g}")
    return number


def _flag(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "")
    if text not in {"", "0", "1"}:
        raise SettingsError(f"{name} is {text!r}: write 1 for yes, 0 for no")
    return text == "1"
