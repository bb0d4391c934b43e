"""A shop's history of any length, written straight into `raw_events` by SQL: a power law of people, visits in bursts.

The shop is the same at every size, 5 million events a year of the same kinds by the same people: within the first
year each has signed in, and a quarter has subscribed. What grows is how long the shop has been there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dagster_project.warehouse import Warehouse, ensure_raw_tables

CHUNK = 2_000_000
VISIT_EVENTS = 4
ACCOUNT_EVERY = 5
SUBSCRIPTION_EVERY = 20
SUBSCRIBERS = 4
"""One of so many people subscribes, again each year."""
EVENTS_PER_YEAR = 5_000_000


@dataclass(frozen=True)
class History:
    """How much happened, to how many, until when; numbering of events may go on from an earlier history."""

    events: int
    profiles: int
    ends_at: datetime
    span: timedelta
    first_number: int = 0

    @classmethod
    def of(cls, events: int, profiles: int, ends_at: datetime) -> History:
        """All that happened in the shop until then."""
        return cls(events, profiles, ends_at, timedelta(days=365 * events / EVENTS_PER_YEAR))

    def hour(self, events: int, ends_at: datetime, first_number: int) -> History:
        """The next hour of the same people."""
        length = timedelta(hours=1) - timedelta(seconds=1)
        return History(events, self.profiles, ends_at - timedelta(seconds=1), length, first_number)


def write_history(warehouse: Warehouse, history: History) -> None:
    """Fill `raw_events.events`, in the order of time, with one manifest row."""
    ensure_raw_tables(warehouse)
    with warehouse, warehouse.transaction():
        for first in range(0, history.events, CHUNK):
            last = min(first + CHUNK, history.events)
            warehouse.execute(f"insert into raw_events.events by name {events_sql(history, first, last)}")
        warehouse.execute(
            "insert into raw_events.landing_files by name select 'history' as file, 'generated' as fingerprint, "
            f"0 as bytes, {history.events} as record_count, 0 as reject_count, 1 as load_id, "
            f"timestamp '{history.ends_at}' as loaded_at"
        )


def events_sql(history: History, first: int, last: int) -> str:
    """Events `first` to `last` of a history as rows of `raw_events.events`.

    Four events make a visit of one person: two products viewed, often one added, sometimes an order, else what a
    message led to. Every fifth event is somebody who signs in, one person after the other, and one of twenty a
    subscription.
    """
    starts_at = history.ends_at - history.span
    step = history.span // timedelta(microseconds=1) // history.events
    return f"""
with numbered as (
    select
        number,
        number // {VISIT_EVENTS} as visit,
        number % {ACCOUNT_EVERY} = 0 as is_account,
        number % {SUBSCRIPTION_EVERY} = {VISIT_EVENTS - 1} as is_subscription,
        (hash(number // {VISIT_EVENTS}, 'who') % 1000000000) / 1000000000.0 as luck,
        hash(number, 'what') % 100 as lot,
        hash(number, 'product') % 500 as product,
        timestamp '{starts_at}' + to_microseconds((number - {history.first_number}) * {step}) as happened_at
    from range({history.first_number + first}, {history.first_number + last}) as numbers(number)
),
people as (
    select
        *,
        case
            when is_account then (number // {ACCOUNT_EVERY}) % {history.profiles}
            when is_subscription
                then (number // {SUBSCRIPTION_EVERY}) % {history.profiles // SUBSCRIBERS}
            else cast(floor({history.profiles} * pow(luck, 2)) as bigint)
        end as person,
        case
            when is_account then 'Identified'
            when is_subscription then 'Subscribed'
            when number % {VISIT_EVENTS} < 2 then 'Product Viewed'
            when number % {VISIT_EVENTS} = 2 and lot < 45 then 'Product Added'
            when number % {VISIT_EVENTS} = 3 and lot < 22 then 'Order Completed'
            when number % {VISIT_EVENTS} = 3 and lot < 50 then 'Email Delivered'
            when number % {VISIT_EVENTS} = 3 and lot < 65 then 'Email Opened'
            when number % {VISIT_EVENTS} = 3 and lot < 70 then 'Email Link Clicked'
            else 'Product Viewed'
        end as event_name,
        printf('{{"product_id":"P%d","name":"Thing %d","category":"Category %d","price":%d.5,"currency":"EUR"',
            product, product, product % 12, 5 + product % 90) as thing
    from numbered
)
select
    'h' || number as event_id,
    case when is_account then 'identify' else 'track' end as event_type,
    event_name,
    case when starts_with(event_name, 'Email') then null else 'U' || person end as user_id,
    case when starts_with(event_name, 'Email') then null else 'A' || person end as anonymous_id,
    happened_at as occurred_at,
    happened_at as received_at,
    'bench' as source,
    cast(case event_name
        when 'Identified' then '{{}}'
        when 'Product Viewed' then thing || '}}'
        when 'Product Added' then thing || printf(',"cart_id":"C%d","quantity":1}}', visit)
        when 'Order Completed' then printf(
            '{{"order_id":"O%d","cart_id":"C%d","currency":"EUR","revenue":%d.5,"products":[%s,"quantity":1}}]}}',
            visit, visit, 5 + product % 90, thing)
        when 'Subscribed' then '{{"channel":"email","purpose":"marketing","source":"form"}}'
        else printf('{{"message_id":"m%d","profile_id":"%s","channel":"email"}}', visit, md5('user_id|U' || person))
    end as json) as properties,
    cast(case when is_account then printf(
        '{{"email":"u%d@mail.example","firstName":"Ada","country":"DE","timezone":"Europe/Berlin"}}', person)
        else '{{}}' end as json) as traits,
    cast('{{}}' as json) as context,
    'history' as landing_file,
    number as line_number,
    1 as load_id
from people
"""
