-- How many marketing messages people got in their fullest week.
with

weeks as (

    select
        profile_id,
        date_trunc('week', coalesce(sent_at, delivered_at, opened_at, clicked_at)) as week,
        count(*) as messages,
    from sends
    where
        message_class = 'marketing'
        and coalesce(sent_at, delivered_at, opened_at, clicked_at) is not null
        and coalesce(channel, 'unknown') not in ('profile', 'webhook')
    group by profile_id, week

)

select
    messages as messages_in_a_week,
    count(distinct profile_id) as people,
from weeks
group by messages
order by messages
