with

profiles as (

    select * from {{ ref('profiles') }}

),

consents as (

    select * from {{ ref('consents') }}

),

suppressions as (

    select * from {{ ref('suppressions') }}

),

reachable as (

    select profiles.profile_id
    from profiles
    inner join consents
        on
            profiles.profile_id = consents.profile_id
            and consents.channel = 'email'
            and consents.purpose = 'marketing'
            and consents.status = 'subscribed'
    left join suppressions
        on
            profiles.email = suppressions.address
            and suppressions.channel in ('email', '*')
    where
        profiles.email is not null
        and suppressions.address is null

)

select profile_id from reachable
