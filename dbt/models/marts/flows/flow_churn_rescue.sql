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

late_orders as (

    {{ late_orders_count_from('customers') }}

),

entries as (

    select
        {{ hash_id(["'churn_rescue'", 'customers.profile_id', 'customers.entered_at']) }} as entry_id,
        customers.profile_id,
        customers.entered_at,
        late_orders.exits_count_from,
        {{ json_object(['last_ordered_at', 'favourite_category']) }} as context
    from customers
    inner join late_orders
        on
            customers.profile_id = late_orders.profile_id
            and customers.entered_at = late_orders.entered_at

)

select * from entries
