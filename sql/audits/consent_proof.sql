-- For a complaint: which consent a message was sent under, given when, where, with what proof, and what is true today.
select
    sends.message_id,
    sends.profile_id,
    sends.channel,
    sends.sent_at,
    sends.consent_id,
    lower(events.event_name) as status,
    events.occurred_at as since,
    coalesce(json_extract_string(events.properties, '$.source'), events.source) as source,
    json_extract_string(events.properties, '$.proof') as proof,
    consents.status as status_now,
    consents.since as since_now
from sends
left join events on sends.consent_id = events.event_id
left join profile_identifiers on sends.profile_id = profile_identifiers.identifier_id
left join consents
    on profile_identifiers.profile_id = consents.profile_id
    and sends.channel = consents.channel
    and sends.message_class = consents.purpose
where
    sends.message_class = 'marketing'
    and coalesce(sends.sent_at, sends.delivered_at, sends.opened_at, sends.clicked_at) is not null
    and coalesce(sends.channel, 'unknown') not in ('profile', 'webhook')
order by sends.sent_at desc
limit 1000
