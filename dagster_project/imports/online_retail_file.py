"""The UCI file itself: which of its lines count, as rows that become events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

COLUMNS = "invoice_no, stock_code, description, quantity, invoice_date, unit_price, customer_id, country"

LINES_SQL = """
create temp table lines as
select
    file_row_number as line_number,
    invoice_no,
    stock_code,
    description,
    quantity,
    unit_price,
    cast(quantity * cast(unit_price as decimal(12, 3)) as decimal(18, 3)) as value,
    cast(customer_id as text) as customer_id,
    country,
    min(invoice_date) over (partition by invoice_no) as invoiced_at,
    invoice_no like 'C%' as is_cancellation,
    quantity > 0 and unit_price > 0 and invoice_no not like 'C%' as is_sale,
from read_parquet(?, file_row_number = true)
where ? is null or invoice_date < ?
"""

CUSTOMERS_SQL = """
with countries as (
    select
        customer_id,
        country,
        invoiced_at,
        lag(country) over (partition by customer_id order by invoiced_at, line_number) as country_before,
    from lines
    where customer_id is not null
)

select
    customer_id,
    country,
    invoiced_at as occurred_at,
    country_before is null as is_first,
from countries
where country is distinct from country_before
order by invoiced_at, customer_id
"""

PRODUCTS_SQL = """
select
    stock_code,
    arg_min(description, line_number) as name,
    arg_min(unit_price, line_number) as price,
    arg_min(invoiced_at, line_number) as occurred_at,
from lines
where is_sale
group by stock_code
order by occurred_at, stock_code
"""

ORDERS_SQL = """
select
    invoice_no,
    any_value(customer_id) as customer_id,
    any_value(invoiced_at) as occurred_at,
    list({'product_id': stock_code, 'name': description, 'quantity': quantity, 'price': unit_price}
        order by line_number) as products,
from lines
where is_sale
group by invoice_no
order by occurred_at, invoice_no
"""

SOLD_SQL = """
select
    customer_id,
    stock_code,
    unit_price,
    invoice_no,
    invoiced_at,
    sum(quantity) as quantity,
from lines
where is_sale and customer_id is not null
group by all
order by invoiced_at, invoice_no
"""

CANCELLED_SQL = """
select
    invoice_no,
    customer_id,
    invoiced_at as occurred_at,
    stock_code,
    description,
    -quantity as quantity,
    unit_price,
    -value as value,
from lines
where is_cancellation
order by invoiced_at, line_number
"""


class BadFileError(ValueError):
    """The file is not the one that this adapter reads."""


def read_lines(path: Path, until: date | None) -> list[list[dict[str, Any]]]:
    """Customers, products, orders, sold and cancelled lines, each in the order of time.

    Raises:
        BadFileError: it is no Parquet file, or lacks columns.
    """
    try:
        with duckdb.connect() as connection:
            connection.execute(LINES_SQL, [str(path), until, until])
            return [
                connection.sql(query).to_arrow_table().to_pylist()
                for query in (CUSTOMERS_SQL, PRODUCTS_SQL, ORDERS_SQL, SOLD_SQL, CANCELLED_SQL)
            ]
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        raise BadFileError(f"{path}: {said} Wanted is a Parquet file with the columns {COLUMNS}.") from error
