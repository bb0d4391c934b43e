-- Every message that was decided but not sent, by the reason that it carries.
select
    channel,
    status,
    coalesce(reason, 'none') as reason,
    count(*) as messages,
from send_list
where status <> 'scheduled'
group by channel, status, coalesce(reason, 'none')
order by messages desc, channel, reason
