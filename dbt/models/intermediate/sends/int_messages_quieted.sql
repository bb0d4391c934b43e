with

messages as (
    select * from {{ ref('int_messages_pending') }}
),

quiet_hours as (
    select * from {{ ref('quiet_hours') }}
),

-- the rules of the recipient's country, or the general ones where it has none
hours_that_apply as (
    select
        messages.message_id,
        quiet_hours.starts_at,
        quiet_hours.ends_at,
        {{ to_local(as_of(), 'messages.first_time_zone') }} as first_local_time,
        {{ to_local(as_of(), 'messages.last_time_zone') }} as last_local_time,
    from messages
    inner join quiet_hours
        on messages.channel = quiet_hours.channel
        and messages.message_class = quiet_hours.message_class
        and quiet_hours.country in (messages.country, '*')
    qualify
        rank() over (
            partition by messages.message_id
            order by case when quiet_hours.country = '*' then 2 else 1 end
        ) = 1
)

select distinct message_id
from hours_that_apply
where
    {{ is_between_times('first_local_time', 'starts_at', 'ends_at') }}
    or {{ is_between_times('last_local_time', 'starts_at', 'ends_at') }}
