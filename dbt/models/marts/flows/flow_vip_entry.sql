with

segment_memberships as (

    select * from {{ ref('segment_memberships') }}

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
        segment = 'vip'
        and exited_at is null
        and {{ in_last_days('entered_at', 2, as_of()) }}

),

-- a purchase made them VIP: who was one before the segment existed is not greeted late
new_members as (

    select
        members.profile_id,
        members.entered_at,
        profiles.total_revenue
    from members
    inner join profiles on members.profile_id = profiles.profile_id
    where {{ in_last_days('profiles.last_ordered_at', 2, 'members.entered_at') }}

),

entries as (

    select
        {{ hash_id(["'vip_entry'", 'profile_id', 'entered_at']) }} as entry_id,
        profile_id,
        entered_at,
        {{ json_object(['total_revenue']) }} as context
    from new_members

)

select * from entries
