"""Recommendations on Online Retail: how much of what customers bought next is among twenty products, beside popularity.

The models are the shop's own SQL, fed with the order lines before a day; what is asked for was bought in the 60 days
from that day on. Popularity is the same SQL without neighbours, for the same customers. The values in the models were
chosen on the later day; nobody had looked at the earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.dbt.recommendation_sql import Shelf, compile_recommendations
from tests.validate.figures import SHARED, Effort, Figure, between

OF = "Online Retail, 20 recommendations"
DAYS, COUNT = 60, 20
CUTOFFS = (datetime(2011, 6, 1), datetime(2011, 10, 10))
ASKED = {0: "all", 90: "not bought for 90 days", 365: "never bought"}
"""Days of `just_bought_days`, and which products are then recommended and asked for."""

LINES = f"""
create temp table lines as
select invoice_no as order_id, customer_id::text as customer_id, stock_code as product_id, invoice_date as ordered_at
from '{SHARED}/online_retail/online_retail.parquet'
where
    customer_id is not null and invoice_no not like 'C%' and quantity > 0 and unit_price > 0
    and regexp_matches(stock_code, '^[0-9]{{5}}')
"""
FED = """
insert into intermediate.int_order_items by name
select order_id, customer_id as identifier_id, product_id, ordered_at from lines where ordered_at < '{cutoff}';
insert into intermediate.int_identifier_profiles
select distinct identifier_id, identifier_id from intermediate.int_order_items;
insert into profiles.profile_identifiers from intermediate.int_identifier_profiles;
insert into commerce.products by name select distinct product_id from intermediate.int_order_items;
create or replace temp table afterwards as
select distinct customer_id as profile_id, product_id
from lines
where
    ordered_at >= '{cutoff}' and ordered_at < '{cutoff}'::timestamp + to_days({days})
    and customer_id in (select identifier_id from intermediate.int_order_items)
    and product_id in (select product_id from commerce.products);
insert into profiles.profiles by name select distinct profile_id from afterwards
"""
RECALL = """
with asked as (
    select * from afterwards
    where (profile_id, product_id) not in (
        select (identifier_id, product_id) from intermediate.int_order_items
        where ordered_at > '{cutoff}'::timestamp - to_days({bought}))
),
recalls as (
    select asked.profile_id, count(ours.product_id) / count(*) as ours, count(popular.product_id) / count(*) as popular
    from asked left join ours using (profile_id, product_id) left join popular using (profile_id, product_id)
    group by asked.profile_id
)
select avg(ours), avg(popular), avg(ours - popular) / (stddev(ours - popular) / sqrt(count(*))) from recalls
"""


def figures(effort: Effort) -> Iterator[Figure]:
    """Recall of ours over that of popularity, and whether the difference could be luck."""
    sql = {
        bought: compile_recommendations(
            effort.scratch / "recommendations", just_bought_days=bought, recommendation_count=COUNT
        )
        for bought in ASKED
    }
    for cutoff in CUTOFFS:
        shelf = Shelf(sql[0])
        shelf.connection.execute(LINES)
        shelf.connection.execute(FED.format(cutoff=cutoff, days=DAYS))
        shelf.works_through_the_night(cutoff)
        for bought in ASKED:
            shelf.recommendations(cutoff, sql[bought]["recommendations"]).create(f"ours_{bought}")
        for table in ("int_products_similar", "int_products_viewed_next"):
            shelf.connection.execute(f"delete from intermediate.{table}")
        for bought, asked in ASKED.items():
            shelf.recommendations(cutoff, sql[bought]["recommendations"]).create(f"popular_{bought}")
            ours, popular, errors = _recalls(shelf, cutoff, bought)
            name = f"recall, from {cutoff:%Y-%m-%d}, {asked}: ours / popularity"
            yield between(OF, name, ours / popular, 1.2, 3, f"{ours:.3f} / {popular:.3f}")
            yield between(OF, "… difference in standard errors", errors, 3, 60, "no luck")


def _recalls(shelf: Shelf, cutoff: datetime, bought: int) -> tuple[float, float, float]:
    for table in ("ours", "popular"):
        shelf.connection.execute(f"create or replace temp view {table} as from {table}_{bought}")
    found = shelf.connection.execute(RECALL.format(cutoff=cutoff, bought=bought)).fetchall()
    ours, popular, errors = found[0]
    return ours, popular, errors
