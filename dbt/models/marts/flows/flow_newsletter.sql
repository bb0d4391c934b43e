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

time_zones as (

    select
        time_zone,
        date_trunc('month', {{ to_local(as_of(), 'time_zone') }}) as month_starts_at
    from recipients
    group by time_zone

),

dated_issues as (

    select
        time_zone,
        cast(month_starts_at as date) as issued_on,
        {{ from_local('month_starts_at', 'time_zone') }} as entered_at
    from time_zones

),

issues as (

    select
        time_zone,
        issued_on,
        entered_at,
        {{ json_object(['issued_on']) }} as context
    from dated_issues
    where {{ in_last_days('entered_at', 2, as_of()) }}

),

entries as (

    select
        {{ hash_id(["'newsletter'", 'recipients.profile_id', 'issues.issued_on']) }}
            as entry_id,
        recipients.profile_id,
        issues.entered_at,
        issues.context
    from recipients
    inner join issues on recipients.time_zone = issues.time_zone

)

select * from entries
