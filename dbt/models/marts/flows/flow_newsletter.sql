with

segment_memberships as (

    select * from {{ ref('segment_memberships') }}

),

profiles as (

    select * from {{ ref('profiles') }}

),

-- nobody on earth is less than two days into a month after its third day
recipients as (

    select
        profiles.profile_id,
        coalesce(profiles.time_zone, '{{ var("shop_time_zone") }}') as time_zone
    from segment_memberships
    inner join profiles on segment_memberships.profile_id = profiles.profile_id
    where
        segment_memberships.segment = 'newsletter'
        and segment_memberships.exited_at is null
        and date_part('day', {{ add_seconds(as_of(), 86400) }}) <= 4

),

issues as (

    select
        profile_id,
        time_zone,
        date_trunc('month', {{ to_local(as_of(), 'time_zone') }}) as issued_on
    from recipients

),

local_issues as (

    select
        profile_id,
        cast(issued_on as date) as issued_on,
        {{ from_local('issued_on', 'time_zone') }} as entered_at
    from issues

),

entries as (

    select
        {{ hash_id(["'newsletter'", 'profile_id', 'issued_on']) }} as entry_id,
        profile_id,
        entered_at,
        {{ json_object(['issued_on']) }} as context
    from local_issues
    where {{ in_last_days('entered_at', 2, as_of()) }}

)

select * from entries
