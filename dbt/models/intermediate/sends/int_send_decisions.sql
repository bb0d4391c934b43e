select
    cast(null as varchar) as message_id,
    cast(null as varchar) as profile_id,
    cast(null as varchar) as channel,
    cast(null as varchar) as message_class,
    cast(null as varchar) as address,
    cast(null as timestamp) as decided_at,
    cast(null as timestamp) as due_at,
    cast(null as timestamp) as expires_at,
    cast(null as varchar) as status,
    cast(null as varchar) as reason,
    cast(null as varchar) as consent_id,
    cast(null as timestamp) as evaluated_at,
limit 0
