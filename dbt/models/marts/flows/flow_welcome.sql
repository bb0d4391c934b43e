with consents as (

    select * from {{ ref('consents') }}

),

subscribers as (

    select
        profile_id,
        since as entered_at,
        source
    from consents
    where channel = 'email'
        and purpose = 'marketing'
        and status = 'subscribed'
        and since > {{ add_seconds(as_of(), -172800) }}
        and since <= {{ as_of() }}

),

entries as (

    select
        {{ hash_id(["'welcome'", 'profile_id']) }} as entry_id,
        profile_id,
        entered_at,
        to_json({source: source}) as context
    from subscribers

)

select * from entries
