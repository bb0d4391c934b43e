"""Who shops: people with habits, addresses, consent, and mail programs of their own."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from dagster_project.demo.calendar import Calendar
from dagster_project.demo.randomness import stream

Mailbox = Literal["good", "gone", "busy"]
"""`gone` answers 550 for ever, `busy` answers 451 to every first attempt."""

ANONYMOUS_SHARE = 0.08
TELLS_TIME_ZONE_SHARE = 0.7
PRIVACY_PROXY_SHARE = 0.2
APP_SHARE = 0.2
REGULARS_APP_SHARE = 0.7  # of those who come more than once a week
SETTLED_SHARE = 0.72
DRIFTED_SHARE = 0.3
OLDEST_ACCOUNT_DAYS = 420
WIN_BACK_DAYS = 90

# Split text, because a list of names would take a screen.
_FIRST_NAMES = [
    "Ada",
    "Bruno",
    "Chiara",
    "Elif",
    "Felix",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Klara",
    "Louis",
    "Mila",
    "Noah",
    "Olga",
    "Rosa",
    "Yara",
]
_LAST_NAMES = "Almeida Becker Conti Dubois Evans Garcia Hansen Jansen Keller Lopes Novak Petit Vogel".split()  # noqa: SIM905
_COUNTRIES = (
    ("DE", "Europe/Berlin", "de-DE", "+4915"),
    ("FR", "Europe/Paris", "fr-FR", "+3361"),
    ("NL", "Europe/Amsterdam", "nl-NL", "+3161"),
    ("GB", "Europe/London", "en-GB", "+4477"),
    ("PT", "Europe/Lisbon", "pt-PT", "+35191"),
    ("US", "America/New_York", "en-US", "+1212"),
)
_COUNTRY_WEIGHTS = (40, 16, 12, 16, 6, 10)


@dataclass(frozen=True)
class Customer:
    """One person.

    Attributes:
        joined_at: when the account was made; none for a visitor who never makes one.
        visits_per_week: mean number of visits.
        attention: how eagerly messages are opened, around 1.
        last_old_order_days: for one who drifted away, days from the last order to go-live.
        subscribes: channels of marketing consent given when joining.
        tells_time_zone: whether the shop knows the time zone.
        has_privacy_proxy: whether the mail program fetches every image by itself (an opening by a machine).
    """

    user_id: str
    anonymous_id: str
    email: str
    phone: str
    first_name: str
    last_name: str
    birthday: date
    country: str
    time_zone: str
    locale: str
    joined_at: datetime | None
    visits_per_week: float
    attention: float
    last_old_order_days: float | None
    subscribes: tuple[str, ...]
    tells_time_zone: bool
    has_privacy_proxy: bool
    mailbox: Mailbox


def make_customers(seed: int, count: int, calendar: Calendar) -> list[Customer]:
    """The shop's customers; number n is the same person whatever the count."""
    return [_customer(seed, number, calendar) for number in range(count)]


def _customer(seed: int, number: int, calendar: Calendar) -> Customer:
    dice = stream(seed, "customer", number)
    first_name, last_name = dice.choice(_FIRST_NAMES), dice.choice(_LAST_NAMES)
    country, time_zone, locale, prefix = dice.choices(_COUNTRIES, _COUNTRY_WEIGHTS)[0]
    joined_at, last_old_order_days = _account(dice, calendar)
    visits_per_week = dice.lognormvariate(-0.75, 0.7)
    return Customer(
        user_id=f"U{10000 + number}",
        anonymous_id=f"A{10000 + number}",
        email=f"{first_name}.{last_name}.{number}@mail.example".lower(),
        phone=f"{prefix}{2000000 + number * 7}",
        first_name=first_name,
        last_name=last_name,
        birthday=date(1956, 1, 1) + timedelta(days=dice.randrange(50 * 365)),
        country=country,
        time_zone=time_zone,
        locale=locale,
        joined_at=joined_at,
        visits_per_week=visits_per_week if last_old_order_days is None else 0.05,
        attention=min(1.6, max(0.3, dice.gauss(1.0, 0.3))),
        last_old_order_days=last_old_order_days,
        subscribes=tuple(
            channel
            for channel, share in (
                ("email", 0.82),
                ("sms", 0.25),
                ("push", REGULARS_APP_SHARE if visits_per_week > 1 else APP_SHARE),
            )
            if dice.random() < share
        ),
        tells_time_zone=dice.random() < TELLS_TIME_ZONE_SHARE,
        has_privacy_proxy=dice.random() < PRIVACY_PROXY_SHARE,
        mailbox=dice.choices(("good", "gone", "busy"), (975, 12, 13))[0],
    )


def _account(dice: random.Random, calendar: Calendar) -> tuple[datetime | None, float | None]:
    """When the account was made, and for one who drifted away how long before go-live the last order was."""
    lot = dice.random()
    if lot < ANONYMOUS_SHARE:
        return None, None
    if lot > SETTLED_SHARE:
        newcomer_after = dice.random() * (calendar.ends_at - calendar.starts_at)
        return calendar.starts_at + newcomer_after, None
    days_before = dice.uniform(WIN_BACK_DAYS + 15, OLDEST_ACCOUNT_DAYS)
    joined_at = calendar.starts_at - timedelta(days=days_before)
    drifted = dice.random() < DRIFTED_SHARE
    # They reach 90 days without an order on some day between go-live and the end.
    quiet_days = WIN_BACK_DAYS - dice.uniform(-1, max(1, calendar.live_days - 1))
    return joined_at, quiet_days if drifted else None
