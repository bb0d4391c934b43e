{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('events') }} where profile_id is not null

),

event_kinds as (

    select * from {{ ref('event_kinds') }}

),

timeline as (

    select
        events.profile_id,
        events.occurred_at,
        coalesce(event_kinds.signal, lower(replace(events.event_name, ' ', '_'))) as kind,
        coalesce(
            events.message_id,
            events.order_id,
            events.cart_id,
            events.product_id,
            events.event_id
        ) as reference,
        events.source,
        events.event_id,
    from events
    left join event_kinds on events.event_name = event_kinds.event_name

)

select * from timeline
