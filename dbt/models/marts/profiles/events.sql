{{ config(materialized='view') }}

with

events as (

    select * from {{ ref('int_events') }}

),

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

resolved as (

    select
        events.event_id,
        events.event_name,
        events.event_type,
        identifiers.profile_id,
        events.identifier_id,
        events.occurred_at,
        events.received_at,
        events.source,
        events.message_id,
        events.product_id,
        events.cart_id,
        events.order_id,
        events.properties,
    from events
    left join identifiers on events.identifier_id = identifiers.identifier_id

)

select * from resolved
