with

consents as (

    select * from {{ ref('consents') }}

),

subscribers as (

    select
        profile_id,
        since as entered_at,
        source
    from consents
    where
        channel = 'email'
        and purpose = 'marketing'
        and status = 'subscribed'
        and {{ in_last_days('since', 2, as_of()) }}

),

entries as (

    select
        {{ hash_id(["'welcome'", 'profile_id']) }} as entry_id,
        profile_id,
        entered_at,
        {{ json_object(['source']) }} as context
    from subscribers

)

select * from entries
