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

{#- The first order of the person after the last activity. A reader that bounds `last_activity_at` reads only those
    carts: it is part of the window's partition, so that the filter reaches the table. -#}
followed as (

    select
        carts.*,
        identifiers.profile_id,
        coalesce(carts.ordered_at, orders.ordered_at) as completed_at,
    from carts
    left join identifiers on carts.identifier_id = identifiers.identifier_id
    left join orders
        on
            identifiers.profile_id = orders.profile_id
            and carts.last_activity_at <= orders.ordered_at
            and carts.ordered_at is null
            and carts.emptied_at is null
    qualify row_number() over (
        partition by carts.cart_id, carts.last_activity_at order by orders.ordered_at
    ) = 1

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
    from followed

)

select * from carts_now
