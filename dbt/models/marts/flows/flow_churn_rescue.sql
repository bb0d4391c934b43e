with

segment_memberships as (

    select * from {{ ref('segment_memberships') }}

),

segment_counts as (

    select * from {{ ref('segment_counts') }}

),

profiles as (

    select * from {{ ref('profiles') }}

),

members as (

    select
        profile_id,
        entered_at
    from segment_memberships
    where
        segment = 'high_churn_risk'
        and exited_at is null
        and {{ in_last_days('entered_at', 2, as_of()) }}

),

-- who was at risk on the first day that anybody was there to be looked at has not come to be so
new_members as (

    select *
    from members
    where
        cast(entered_at as date) > (
            select min(segment_counts.date) from segment_counts where segment_counts.entered_count > 0
        )

),

-- win-back begins 90 days after the last order and lasts two weeks: two weeks before it
-- and until a month after its beginning, the person is left to it
customers as (

    select
        new_members.profile_id,
        new_members.entered_at,
        profiles.last_ordered_at,
        profiles.favourite_category
    from new_members
    inner join profiles on new_members.profile_id = profiles.profile_id
    where
        {{ in_last_days('profiles.last_ordered_at', 365, 'new_members.entered_at') }}
        and (
            {{ in_last_days('profiles.last_ordered_at', 76, 'new_members.entered_at') }}
            or not {{ in_last_days('profiles.last_ordered_at', 120, 'new_members.entered_at') }}
        )

),

entries as (

    select
        {{ hash_id(["'churn_rescue'", 'profile_id', 'entered_at']) }} as entry_id,
        profile_id,
        entered_at,
        greatest(last_ordered_at, {{ add_seconds('entered_at', -7 * 86400) }}) as exits_count_from,
        {{ json_object(['last_ordered_at', 'favourite_category']) }} as context
    from customers

)

select * from entries
