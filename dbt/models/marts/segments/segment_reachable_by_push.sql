with

profiles as (

    select * from {{ ref('profiles') }}

),

consents as (

    select * from {{ ref('consents') }}
    where channel = 'push' and purpose = 'marketing' and status = 'subscribed'

),

suppressions as (

    select * from {{ ref('suppressions') }}
    where channel in ('push', '*')

),

reachable as (

    select profiles.profile_id
    from profiles
    inner join consents on profiles.profile_id = consents.profile_id
    left join suppressions on lower(profiles.push_token) = suppressions.address
    where profiles.push_token is not null and suppressions.address is null

)

select profile_id from reachable
