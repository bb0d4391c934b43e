{{ config(materialized='incremental', incremental_strategy='append') }}

with

events as (

    select * from {{ recent_events() }} where {{ is_new() }}

),

event_kinds as (

    select * from {{ ref('event_kinds') }} where signal is not null

),

signals as (

    select
        {{ hash_id(['events.event_id', 'event_kinds.signal']) }} as signal_id,
        events.identifier_id,
        event_kinds.signal,
        events.occurred_at,
        coalesce(
            events.message_id,
            events.order_id,
            events.cart_id,
            events.product_id,
            events.event_id
        ) as reference,
        events.message_id,
        events.properties,
        events.seen_at,
    from events
    inner join event_kinds on events.event_name = event_kinds.event_name
    where
        events.identifier_id is not null
        and coalesce({{ json_text('events.properties', '$.is_machine') }}, 'false') <> 'true'

)

select * from signals
order by occurred_at, signal_id
