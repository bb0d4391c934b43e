with

signals as (

    select * from {{ ref('int_signals') }}

),

identifiers as (

    select * from {{ ref('profile_identifiers') }}

),

requests as (

    select
        signals.signal_id,
        identifiers.profile_id,
        signals.occurred_at as entered_at,
        {{ json_text('signals.properties', '$.source') }} as source
    from signals
    inner join identifiers on signals.identifier_id = identifiers.identifier_id
    where
        signals.signal = 'subscription_requested'
        and {{ in_last_days('signals.occurred_at', 2, as_of()) }}

),

entries as (

    select
        {{ hash_id(["'confirm_subscription'", 'signal_id']) }} as entry_id,
        profile_id,
        entered_at,
        {{ json_object(['source']) }} as context
    from requests

)

select * from entries
