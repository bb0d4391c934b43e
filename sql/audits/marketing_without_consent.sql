-- Must be empty: marketing messages sent without the event that gave consent.
select
    message_id,
    flow,
    channel,
    sent_at,
from sends
where
    message_class = 'marketing'
    and channel in ('email', 'sms', 'whatsapp', 'push')
    and sent_at is not null
    and consent_id is null
order by sent_at
