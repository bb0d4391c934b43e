{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='identifier_id',
) }}

{#- Mergeable state: what is known plus what is new is what is known next time, whatever the batches. -#}
with

events as (

    select * from {{ recent_events() }} where {{ is_new() }} and identifier_id is not null

),

event_kinds as (

    select * from {{ ref('event_kinds') }}

),

-- a mail server that looks at every link is nobody who is interested
told as (

    select
        events.identifier_id,
        events.occurred_at,
        events.seen_at,
        events.message_id,
        case
            when
                event_kinds.signal in ('message_opened', 'message_clicked')
                and coalesce({{ json_text('events.properties', '$.is_machine') }}, 'false') <> 'true'
                then event_kinds.signal
        end as reaction,
    from events
    left join event_kinds on events.event_name = event_kinds.event_name

),

activity as (

    select
        identifier_id,
        occurred_at,
        seen_at,
        case when reaction = 'message_opened' then occurred_at end as opened_at,
        case when reaction = 'message_clicked' then occurred_at end as clicked_at,
        case
            when message_id is null or reaction = 'message_clicked'
                then date_trunc('hour', occurred_at)
        end as active_hour,
    from told

),

new_activity as (

    select
        identifier_id,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at,
        count(*) as event_count,
        max(opened_at) as last_opened_at,
        max(clicked_at) as last_clicked_at,
        coalesce(
            array_agg(distinct active_hour) filter (where active_hour is not null), []
        ) as active_hours,
        max(seen_at) as seen_at,
    from activity
    group by identifier_id

)

select
    new_activity.identifier_id,
    {%- if is_incremental() %}
    least(new_activity.first_seen_at, known.first_seen_at) as first_seen_at,
    greatest(new_activity.last_seen_at, known.last_seen_at) as last_seen_at,
    new_activity.event_count + coalesce(known.event_count, 0) as event_count,
    greatest(new_activity.last_opened_at, known.last_opened_at) as last_opened_at,
    greatest(new_activity.last_clicked_at, known.last_clicked_at) as last_clicked_at,
    {{ latest_distinct('list_concat(new_activity.active_hours, known.active_hours)', 20) }}
        as active_hours,
    {%- else %}
    new_activity.first_seen_at,
    new_activity.last_seen_at,
    new_activity.event_count,
    new_activity.last_opened_at,
    new_activity.last_clicked_at,
    {{ latest_distinct('new_activity.active_hours', 20) }} as active_hours,
    {%- endif %}
    new_activity.seen_at,
from new_activity
{%- if is_incremental() %}
left join {{ this }} as known on new_activity.identifier_id = known.identifier_id
{%- endif %}
