with

events as (

    select * from {{ recent_events() }}

),

event_kinds as (

    select * from {{ ref('event_kinds') }}

),

new_events as (

    select * from events
    where
        message_id is not null
        and {{ is_new() }}

)

select
    new_events.event_id,
    new_events.message_id,
    new_events.identifier_id as profile_id,
    lower({{ json_text('new_events.properties', '$.channel') }}) as channel,
    event_kinds.message_event as event,
    new_events.occurred_at,
    coalesce({{ json_text('new_events.properties', '$.is_machine') }} = 'true', false)
        as is_machine,
    {{ json_text('new_events.properties', '$.url') }} as url,
    {{ json_text('new_events.properties', '$.reason') }} as reason,
    {{ json_text('new_events.properties', '$.bounce_type') }} as bounce_type,
    {{ json_text('new_events.properties', '$.provider') }} as provider,
    {{ json_text('new_events.properties', '$.provider_message_id') }}
        as provider_message_id,
    new_events.seen_at,
from new_events
inner join event_kinds on new_events.event_name = event_kinds.event_name
where event_kinds.message_event is not null
order by new_events.occurred_at, new_events.event_id
