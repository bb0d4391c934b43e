{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='session_id',
    meta={'replaced_since': {'ended_at': 'started_at'}},
) }}

{#- A session is a chain of visits less than the time-out apart. New visits and the sessions near them are chained
    anew; a session that a late visit swallows or extends backwards stays as a row that is no longer current. -#}
{%- set timeout = var('session_timeout_minutes') ~ ' * 60' -%}

with

events as (

    select
        *,
        coalesce({{ identifier_id('anonymous_id', 'anonymous_id') }}, identifier_id)
            as visitor_id,
    from {{ recent_events() }}
    where {{ is_new() }} and message_id is null and identifier_id is not null

),

event_kinds as (

    select * from {{ ref('event_kinds') }} where is_visit

),

visits as (

    select
        cast(null as varchar) as session_id,
        events.visitor_id,
        events.event_id as first_event_id,
        events.occurred_at as started_at,
        events.occurred_at as ended_at,
        coalesce(
            {{ json_text('events.properties', '$.utm_medium') }},
            {{ json_text('events.properties', '$.channel') }}
        ) as channel,
        events.occurred_at as channel_at,
        events.event_id as channel_event_id,
        1 as event_count,
        case when events.event_name = 'Product Viewed' then 1 else 0 end as product_view_count,
        case when events.event_name = 'Product Added' then 1 else 0 end as product_added_count,
        case when events.event_name = 'Order Completed' then 1 else 0 end as order_count,
        events.seen_at,
    from events
    inner join event_kinds on events.event_name = event_kinds.event_name

),

{%- if is_incremental() %}

ranges as (

    select
        visitor_id,
        min(started_at) as first_at,
        max(ended_at) as last_at,
    from visits
    group by visitor_id

),

nearby as (

    select
        known.session_id,
        known.visitor_id,
        known.first_event_id,
        known.started_at,
        known.ended_at,
        known.channel,
        coalesce(known.channel_at, known.started_at) as channel_at,
        coalesce(known.channel_event_id, known.first_event_id) as channel_event_id,
        known.event_count,
        known.product_view_count,
        known.product_added_count,
        known.order_count,
        known.seen_at,
    from {{ this }} as known
    inner join ranges on known.visitor_id = ranges.visitor_id
    where
        known.is_current
        and known.ended_at >= (
            select {{ add_seconds('min(earliest.first_at)', '-' ~ timeout) }}
            from ranges as earliest
        )
        and known.ended_at >= {{ add_seconds('ranges.first_at', '-' ~ timeout) }}
        and known.started_at <= {{ add_seconds('ranges.last_at', timeout) }}

),
{%- endif %}

pieces as (

    select * from visits
    {%- if is_incremental() %}
    union all
    select * from nearby
    {%- endif %}

),

gaps as (

    select
        *,
        max(ended_at) over (
            partition by visitor_id
            order by started_at, first_event_id
            rows between unbounded preceding and 1 preceding
        ) as previous_ended_at,
    from pieces

),

chained as (

    select
        *,
        sum(case
            when previous_ended_at is null
                or started_at > {{ add_seconds('previous_ended_at', timeout) }} then 1
            else 0
        end) over (
            partition by visitor_id
            order by started_at, first_event_id
            rows between unbounded preceding and current row
        ) as chain,
    from gaps

),

sessions as (

    select
        visitor_id,
        {{ first_by('first_event_id', 'started_at', 'first_event_id') }} as first_event_id,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        {{ first_by('channel', 'channel_at', 'channel_event_id') }} as channel,
        {{ first_by(
            'case when channel is not null then channel_at end', 'channel_at', 'channel_event_id'
        ) }} as channel_at,
        {{ first_by(
            'case when channel is not null then channel_event_id end',
            'channel_at',
            'channel_event_id',
        ) }} as channel_event_id,
        cast(sum(event_count) as bigint) as event_count,
        cast(sum(product_view_count) as bigint) as product_view_count,
        cast(sum(product_added_count) as bigint) as product_added_count,
        cast(sum(order_count) as bigint) as order_count,
        max(seen_at) as seen_at,
    from chained
    group by visitor_id, chain

),

identified as (

    select
        {{ hash_id(['visitor_id', 'first_event_id']) }} as session_id,
        *,
        true as is_current,
    from sessions

)

select * from identified
{%- if not is_incremental() %}
order by ended_at, session_id
{%- else %}

union all

select
    nearby.* replace ((select max(visits.seen_at) from visits) as seen_at),
    false as is_current,
from nearby
where session_id not in (select session_id from identified)
{%- endif %}
