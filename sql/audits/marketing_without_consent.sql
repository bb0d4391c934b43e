-- Must be empty: marketing messages sent without the event that gave consent.
select
    message_id,
    flow,
    channel,
    coalesce(sent_at, delivered_at, opened_at, clicked_at) as left_at,
from sends
where
    message_class = 'marketing'
    and channel in ('email', 'sms', 'whatsapp', 'push')
    and coalesce(sent_at, delivered_at, opened_at, clicked_at) is not null
    and consent_id is null
order by left_at
