{{ config(materialized='view') }}

with

carts as (

    select
        *,
        {{ add_seconds('last_activity_at', var('cart_abandoned_after_minutes') ~ ' * 60') }}
            as idle_at,
    from {{ ref('int_carts') }}

),

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

orders as (

    select profile_id, ordered_at from {{ ref('orders') }} where profile_id is not null

),

owned as (

    select
        carts.*,
        identifiers.profile_id,
    from carts
    left join identifiers on carts.identifier_id = identifiers.identifier_id

),

followed as (

    select
        owned.cart_id,
        min(orders.ordered_at) as ordered_at,
    from owned
    inner join orders
        on
            owned.profile_id = orders.profile_id
            and owned.last_activity_at <= orders.ordered_at
    where owned.ordered_at is null and owned.emptied_at is null
    group by owned.cart_id

),

dated as (

    select
        owned.*,
        coalesce(owned.ordered_at, followed.ordered_at) as completed_at,
    from owned
    left join followed on owned.cart_id = followed.cart_id

),

carts_now as (

    select
        cart_id,
        profile_id,
        identifier_id,
        case
            when completed_at is not null then 'ordered'
            when emptied_at is not null then 'emptied'
            when idle_at <= {{ as_of() }} then 'abandoned'
            else 'open'
        end as status,
        first_activity_at as created_at,
        last_activity_at,
        case
            when emptied_at is null
                and (completed_at is null or completed_at > idle_at)
                and idle_at <= {{ as_of() }}
                then idle_at
        end as abandoned_at,
        emptied_at,
        completed_at as ordered_at,
        order_id,
        item_count,
        value,
        coalesce(currency, '{{ var("shop_currency") }}') as currency,
        items,
    from dated

)

select * from carts_now
