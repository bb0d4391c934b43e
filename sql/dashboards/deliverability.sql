-- Provider health by week: mailbox providers act on complaints above 0.1 % and bounces above 2 %.
with

-- a bounce may be the first thing that is heard of a message: over SMTP a dead address is refused at once
messages as (

    select
        *,
        cast(date_trunc('week', coalesce(sent_at, bounced_at, rejected_at)) as date) as week,
    from sends
    where
        coalesce(sent_at, bounced_at, rejected_at) is not null
        and coalesce(channel, 'unknown') not in ('profile', 'webhook')

)

select
    week,
    channel,
    provider,
    count(*) as messages,
    -- none at all: the provider reports no deliveries, as SMTP, and nobody knows
    round(nullif(count(delivered_at), 0) / count(*), 4) as delivered_share,
    round(count(bounced_at) / count(*), 4) as bounced_share,
    round(count(rejected_at) / count(*), 4) as rejected_share,
    round(count(complained_at) / count(*), 4) as complained_share,
    round(count(unsubscribed_at) / count(*), 4) as unsubscribed_share,
from messages
group by week, channel, provider
order by week desc, channel, provider
