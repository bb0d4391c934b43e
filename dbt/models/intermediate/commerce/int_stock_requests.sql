{{ config(materialized='incremental', incremental_strategy='append') }}

select
    event_id as request_id,
    identifier_id,
    product_id,
    {{ json_text('properties', '$.variant_id') }} as variant_id,
    occurred_at as requested_at,
    seen_at,
from {{ recent_events() }}
where
    {{ is_new() }}
    and event_name = 'Back In Stock Requested'
    and product_id is not null
    and identifier_id is not null
order by occurred_at, event_id
