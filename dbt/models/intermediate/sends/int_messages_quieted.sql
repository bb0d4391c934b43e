with

messages as (
    select * from {{ ref('int_messages_pending') }}
),

quiet_hours as (
    select * from {{ ref('int_recipient_quiet_hours') }}
),

-- clocks are read for who has a message only: a plain `where` would read everybody's
judged as (
    select
        messages.message_id,
        bool_or(
            {{ is_between_times(
                to_local(as_of(), 'quiet_hours.first_time_zone'),
                'quiet_hours.starts_at',
                'quiet_hours.ends_at',
            ) }}
            or {{ is_between_times(
                to_local(as_of(), 'quiet_hours.last_time_zone'),
                'quiet_hours.starts_at',
                'quiet_hours.ends_at',
            ) }}
        ) as is_quiet,
    from messages
    inner join quiet_hours
        on messages.person_id = quiet_hours.profile_id
        and messages.channel = quiet_hours.channel
        and messages.message_class = quiet_hours.message_class
    group by messages.message_id
)

select message_id from judged where is_quiet
