"""The demo: a fresh installation, a shop, a mail server, and one tick after the other."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.links import Links
from dagster_project.demo.calendar import Calendar
from dagster_project.demo.closing import Closing, read_closing
from dagster_project.demo.mailbox import MailServer
from dagster_project.demo.shop import Shop
from dagster_project.demo.truth import FlowTruth, true_effects, write_truth
from dagster_project.nightly import nightly
from dagster_project.settings import Settings
from dagster_project.tick import tick

Progress = Callable[[str, int, int], None]
CUSTOMERS = 2400
MARKER = "demo"
PROVIDERS = Path(__file__).with_name("providers.yml")
STAGE = "two months"


class DemoHomeError(ValueError):
    """The installation's folder holds something that is not a demo; the message says how to go on."""


@dataclass(frozen=True)
class DemoResult:
    """A demo that has run: where its state lies, how long it took, what came out, what was true."""

    home: Path
    seed: int
    ticks: int
    seconds: float
    closing: Closing
    truths: tuple[FlowTruth, ...]


def run_demo(
    settings: Settings,
    *,
    seed: int = 7,
    progress: Progress | None = None,
    customers: int = CUSTOMERS,
    calendar: Calendar | None = None,
) -> DemoResult:
    """Run the demo shop from its first day to its last, in an installation of its own.

    Args:
        settings: the installation; an earlier demo in its home is replaced.
        seed: chooses customers, plans and dice; the same seed gives the same orders and messages.
        progress: called with (stage, ticks done, ticks in all).
        customers: how many people there are.
        calendar: when it happens.

    Raises:
        DemoHomeError: when the home holds an installation that is not a demo.
    """
    started = time.perf_counter()
    calendar = calendar or Calendar()
    settings = on_its_own(settings)
    prepare_home(settings.home)
    shop = Shop(seed, customers, calendar)
    landing = settings.open_landing()
    links = Links(settings.secret, settings.public_url)
    moments = calendar.ticks()
    server = MailServer(
        settings.outbox / "email", links, gone=shop.addresses("gone"), busy=shop.addresses("busy")
    )
    with server:
        sending = replace(settings, smtp_url=server.url)
        for number, moment in enumerate(moments):
            if progress:
                progress(STAGE, number, len(moments))
            shop.advance(landing, moment)
            tick(sending, moment)
            shop.read_mails(server.take(), moment)
    if progress:
        progress(STAGE, len(moments), len(moments))
    nightly(settings, moments[-1])
    closing = read_closing(settings)
    truths = tuple(true_effects(shop.orders, closing.entries))
    write_truth(settings.home / MARKER / "truth.json", seed, truths)
    return DemoResult(settings.home, seed, len(moments), time.perf_counter() - started, closing, truths)


def on_its_own(settings: Settings) -> Settings:
    """An installation in the same home that shares nothing else: no landing, ledger, provider or secret.

    Simulated people have addresses and numbers that may be somebody's.
    """
    return replace(
        Settings.under(settings.home), providers_path=PROVIDERS, webhooks_path=settings.webhooks_path
    )


def prepare_home(home: Path) -> None:
    """An empty folder with the demo's mark.

    Raises:
        DemoHomeError: when something else than a demo is there.
    """
    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).is_dir():
            raise DemoHomeError(
                f"{home} holds an installation that is not a demo, and the demo starts from nothing. "
                "Name another folder: MILLRACE_HOME=.millrace-demo millrace demo"
            )
        shutil.rmtree(home)
    (home / MARKER).mkdir(parents=True)
