with

profiles as (

    select * from {{ ref('profiles') }}

),

consents as (

    select * from {{ ref('consents') }}

),

reachable as (

    select profiles.profile_id
    from profiles
    inner join consents
        on
            profiles.profile_id = consents.profile_id
            and consents.channel = 'push'
            and consents.purpose = 'marketing'
            and consents.status = 'subscribed'
    where profiles.push_token is not null

)

select profile_id from reachable
