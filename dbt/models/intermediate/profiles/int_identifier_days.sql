{{ config(materialized='incremental', incremental_strategy='append') }}

with

events as (

    select * from {{ ref('int_events') }} where {{ is_new() }} and identifier_id is not null

),

event_kinds as (

    select * from {{ ref('event_kinds') }}

)

select
    events.identifier_id,
    cast(events.occurred_at as date) as activity_date,
    count(*) as event_count,
    count(case when event_kinds.is_visit then 1 end) as visit_count,
    count(case when event_kinds.signal = 'product_viewed' then 1 end) as product_view_count,
    count(case when event_kinds.signal = 'ordered' then 1 end) as order_count,
    count(case when event_kinds.signal = 'message_opened' then 1 end) as open_count,
    count(case when event_kinds.signal = 'message_clicked' then 1 end) as click_count,
    max(events.seen_at) as seen_at,
from events
left join event_kinds on events.event_name = event_kinds.event_name
group by events.identifier_id, cast(events.occurred_at as date)
order by activity_date
