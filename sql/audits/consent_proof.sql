-- For a complaint: which consent a message was sent under, given when, where, with what proof.
select
    sends.message_id,
    sends.profile_id,
    sends.channel,
    sends.sent_at,
    sends.consent_id,
    consents.status as status_now,
    consents.since,
    consents.source,
    consents.proof,
from sends
left join consents
    on sends.profile_id = consents.profile_id
    and sends.channel = consents.channel
    and consents.purpose = 'marketing'
where
    sends.message_class = 'marketing'
    and sends.sent_at is not null
    and coalesce(sends.channel, 'unknown') not in ('profile', 'webhook')
order by sends.sent_at desc
limit 1000
