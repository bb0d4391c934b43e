-- Provider health by week: mailbox providers act on complaints above 0.1 % and bounces above 2 %.
select
    date_trunc('week', coalesce(sent_at, rejected_at)) as week,
    channel,
    provider,
    count(*) as messages,
    count(delivered_at) / count(*) as delivered_share,
    count(bounced_at) / count(*) as bounced_share,
    count(rejected_at) / count(*) as rejected_share,
    count(complained_at) / count(*) as complained_share,
    count(unsubscribed_at) / count(*) as unsubscribed_share,
from sends
where sent_at is not null or rejected_at is not null
group by date_trunc('week', coalesce(sent_at, rejected_at)), channel, provider
order by week desc, channel, provider
