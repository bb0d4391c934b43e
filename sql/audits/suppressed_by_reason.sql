-- Every message that was decided but not sent, by the reason that it carries.
with

-- what the last look before sending stopped was scheduled until then
held_back as (

    select
        send_list.channel,
        coalesce(sends.status, send_list.status) as status,
        coalesce(sends.reason, send_list.reason, 'none') as reason,
    from send_list
    left join sends
        on send_list.message_id = sends.message_id and sends.status = 'skipped'
    where send_list.status <> 'scheduled' or sends.status = 'skipped'

)

select
    channel,
    status,
    reason,
    count(*) as messages,
from held_back
group by channel, status, reason
order by messages desc, channel, reason
