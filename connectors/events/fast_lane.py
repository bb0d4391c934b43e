"""The contract for well-formed NDJSON, vectorised: one SQL statement instead of one Python call per line.

It accepts only what it fully understands; every other line is *declined* and goes to `contract.parse_json`, which
accepts or rejects it. So the two may differ in speed only: a property test holds them to the same rows. (The one
difference known: a number beyond all doubles, 1e999, stays as written here and is null there.)
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from connectors.events.properties import PROPERTIES

FAST_LANE_SQL = r"""
with valid_lines as (
    select
        line_number,
        line,
    from arriving_lines
    where json_valid(line)
),

extracted as (
    select
        line_number,
        line,
        json_keys(line) as keys,
        json_type(line, [
            '$.type', '$.event', '$.messageId', '$.userId', '$.anonymousId', '$.source', '$.name', '$.timestamp',
            '$.sentAt', '$.receivedAt', '$.properties', '$.traits', '$.context', '$.originalTimestamp',
            '$.integrations', '$.version', '$.writeKey', '$.projectId', '$._metadata']) as types,
        json_extract_string(line, [
            '$.type', '$.event', '$.messageId', '$.userId', '$.anonymousId', '$.source', '$.name', '$.timestamp',
            '$.sentAt', '$.receivedAt', '$.properties', '$.traits', '$.context', '$.context.library.name'])
            as texts,
        json_type(line, '$.context.library.name') as library_type,
    from valid_lines
),

named as (
    select
        line_number,
        line,
        coalesce(texts[1], 'track') as event_type,
        texts[2] as track_name,
        texts[3] as event_id,
        nullif(texts[4], '') as user_id,
        nullif(texts[5], '') as anonymous_id,
        coalesce(nullif(texts[6], ''), nullif(texts[14], ''), 'landing') as source,
        texts[7] as page_name,
        try_cast(texts[8] as timestamptz) at time zone 'UTC' as occurred_at,
        try_cast(texts[9] as timestamptz) at time zone 'UTC' as sent_at,
        try_cast(texts[10] as timestamptz) at time zone 'UTC' as received_at,
        if(types[11] = 'OBJECT', texts[11], '{}') as properties,
        if(types[12] = 'OBJECT', texts[12], '{}') as traits,
        if(types[13] = 'OBJECT', texts[13], '{}') as context,
        len(keys) = list_count(types)
            and len(list_filter(types[1:3], lambda t: t not in ('VARCHAR', 'NULL'))) = 0
            and len(list_filter(types[4:5], lambda t: t not in ('VARCHAR', 'UBIGINT', 'NULL'))) = 0
            and len(list_filter(types[6:10], lambda t: t not in ('VARCHAR', 'NULL'))) = 0
            and len(list_filter(types[11:13], lambda t: t not in ('OBJECT', 'NULL'))) = 0
            and coalesce(library_type, 'NULL') in ('VARCHAR', 'NULL')
            as has_known_shape,
        len(list_filter(texts[8:10], lambda t: not regexp_full_match(t,
            '\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-][01]\d:[0-5]\d)'))) = 0
            as has_clear_times,
    from extracted
),

examined as (
    select
        *,
        json_transform(properties, '{
            "product_id": "JSON", "order_id": "JSON", "cart_id": "JSON", "name": "JSON", "category": "JSON",
            "currency": "JSON", "url": "JSON", "image_url": "JSON",
            "price": "JSON", "revenue": "JSON", "total": "JSON", "discount": "JSON",
            "quantity": "JSON", "inventory_quantity": "JSON", "products": "JSON"}') as property,
        json_transform(json_extract(properties, '$.products'), '[{
            "product_id": "JSON", "name": "JSON", "category": "JSON", "currency": "JSON",
            "price": "JSON", "quantity": "JSON"}]') as products,
        json_transform(traits, '{"email": "JSON", "phone": "JSON", "birthday": "JSON"}') as trait,
    from named
),

judged as (
    select
        *,
        regexp_full_match(concat_ws(',', property.order_id, property.product_id, property.cart_id, property.name,
            property.category, property.url, property.image_url), '("([^"\\]|\\.)+",?)*')
            and regexp_full_match(concat_ws(',', property.price, property.revenue, property.total, property.discount),
                '(-?\d{1,12}(\.\d{1,12})?,?)*')
            and regexp_full_match(concat_ws(',', property.quantity, property.inventory_quantity), '(-?\d{1,9},?)*')
            and regexp_full_match(coalesce(property.currency, '"EUR"'), '"[A-Z]{3}"')
            as has_clear_properties,
        coalesce(len(list_filter(products, lambda line_item: not coalesce(
            regexp_full_match(line_item.product_id, '"([^"\\]|\\.)+"')
            and regexp_full_match(concat_ws(',', line_item.name, line_item.category), '("([^"\\]|\\.)+",?)*')
            and regexp_full_match(line_item.price, '-?\d{1,12}(\.\d{1,12})?')
            and regexp_full_match(coalesce(line_item.quantity, '1'), '-?\d{1,9}')
            and regexp_full_match(coalesce(line_item.currency, '"EUR"'), '"[A-Z]{3}"'), false))) = 0, false)
            as has_clear_products,
        regexp_full_match(coalesce(trait.email, '"a@b"'), '"[^\s"\\@]+@[^\s"\\]+"')
            and regexp_full_match(coalesce(trait.phone, '"1"'), '"[^"\\]+"')
            and coalesce(regexp_full_match(trait.birthday, '"[12]\d{3}-\d\d-\d\d"')
                and try_cast(trim(trait.birthday, '"') as date) is not null, trait.birthday is null)
            as has_clear_traits,
    from examined
)

select
    line_number,
    event_id,
    event_type,
    case event_type when 'track' then track_name when 'identify' then 'Identified'
        when 'page' then 'Page Viewed' when 'screen' then 'Screen Viewed' end as event_name,
    user_id,
    anonymous_id,
    occurred_at,
    coalesce(received_at, sent_at, occurred_at) as received_at,
    source,
    case when page_name is null then properties
        else json_merge_patch(json_object('name', page_name), properties) end as properties,
    traits,
    context,
    coalesce(
        has_known_shape
        and has_clear_times
        and event_id != ''
        and occurred_at between '1990-01-02' and '2099-12-30'
        and coalesce(sent_at, occurred_at) between '1990-01-02' and '2099-12-30'
        and coalesce(received_at, occurred_at) between '1990-01-02' and '2099-12-30'
        and occurred_at - coalesce(received_at, sent_at, occurred_at) <= interval 1 day
        and case event_type
            when 'track' then page_name is null and track_name != ''
                and case
                    when track_name in (
                        'Product Viewed', 'Product Clicked', 'Product Added', 'Product Removed', 'Product Updated')
                        then has_clear_properties and property.product_id is not null
                    when track_name in ('Cart Viewed', 'Checkout Started')
                        then has_clear_properties and (property.products is null or has_clear_products)
                    when track_name = 'Order Completed'
                        then has_clear_properties and property.order_id is not null and has_clear_products
                    else track_name not in ({known_events})
                end
            when 'identify' then page_name is null and track_name is null and has_clear_traits
            when 'page' then track_name is null
            when 'screen' then track_name is null
        end, false) as is_accepted,
from judged
"""


class FastLane:
    """One in-memory DuckDB that reads lines; opened at the first batch, for it costs some milliseconds."""

    def __init__(self) -> None:
        known_events = ", ".join(f"'{name}'" for name in PROPERTIES)
        self._sql = FAST_LANE_SQL.replace("{known_events}", known_events)
        self._connection: duckdb.DuckDBPyConnection | None = None

    def accept(self, lines: pa.Array[Any], first_line_number: int) -> tuple[pa.Table, list[int]]:
        """Accepted events of these lines, and the numbers of the lines declined."""
        if self._connection is None:
            self._connection = duckdb.connect()
            self._connection.execute("set TimeZone = 'UTC'")
        numbers = np.arange(first_line_number, first_line_number + len(lines))
        table = pa.table({"line_number": numbers, "line": lines})
        half = (len(lines) + 1) // 2  # DuckDB reads each chunk in a thread of its own
        self._connection.register("arriving_lines", pa.concat_tables([table.slice(0, half), table.slice(half)]))
        judged = self._connection.sql(self._sql).to_arrow_table()
        self._connection.unregister("arriving_lines")
        accepted = judged.filter(judged["is_accepted"]).drop_columns(["is_accepted"])
        return accepted, np.setdiff1d(numbers, accepted["line_number"].to_numpy()).tolist()


def split_lines(block: bytes) -> pa.Array[Any]:
    """The lines of a block without copying it; each keeps its line feed, which JSON ignores.

    Raises:
        pa.ArrowInvalid: when the block is not UTF-8.
    """
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
    offsets = np.concatenate(([0], ends, [len(block)] if not block.endswith(b"\n") else [])).astype(np.int32)
    lines = pa.Array.from_buffers(
        pa.string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(block)])
    lines.validate(full=True)
    return lines
