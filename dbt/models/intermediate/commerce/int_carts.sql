{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='cart_id',
) }}

{#- Only carts with a new operation are worked out again, from their own operations. A cart begins with the first that
    names a product: what happened to it before left no row, from which a later run could know of it. -#}
with

touched as (

    select
        cart_id,
        max(seen_at) as seen_at,
        min(case when product_id is not null then occurred_at end) as first_activity_at,
    from {{ ref('int_cart_operations') }}
    where {{ is_new() }}
    group by cart_id

),

{%- if is_incremental() %}

earliest as (

    select min(first_activity_at) as first_activity_at
    from (
        select first_activity_at from touched
        union all
        select first_activity_at
        from {{ this }}
        where cart_id in (select cart_id from touched)
    ) as known_and_new

),
{%- endif %}

operations as (

    select *
    from {{ ref('int_cart_operations') }}
    where
        cart_id in (select cart_id from touched)
        {%- if is_incremental() %}
        and occurred_at >= (select first_activity_at from earliest)
        {%- endif %}

),

episodes as (

    select
        *,
        sum(case when operation = 'ordered' then 1 else 0 end) over (
            partition by cart_id
            order by occurred_at, event_id, line_number
            rows between unbounded preceding and current row
        ) - case when operation = 'ordered' then 1 else 0 end as episode,
    from operations

),

-- within a second a snapshot shows what single steps have led to, and of two the last counts
current_operations as (

    select
        *,
        max(case when operation = 'replaced' then occurred_at end)
            over (partition by cart_id) as replaced_at,
        {{ last_by(
            "case when operation = 'replaced' then event_id end", 'occurred_at', 'event_id'
        ) }} over (partition by cart_id) as replacing_event_id,
    from episodes
    qualify
        episode = max(case when product_id is not null then episode else 0 end)
            over (partition by cart_id)

),

line_operations as (

    select
        *,
        max(case when operation = 'set' then occurred_at end)
            over (partition by cart_id, product_id) as set_at,
        {{ last_by("case when operation = 'set' then event_id end", 'occurred_at', 'event_id') }}
            over (partition by cart_id, product_id) as setting_event_id,
    from current_operations
    where
        product_id is not null
        and (
            replaced_at is null
            or occurred_at > replaced_at
            or event_id = replacing_event_id
        )

),

lines as (

    select
        cart_id,
        product_id,
        sum(case operation when 'removed' then -quantity else quantity end) as quantity,
        {{ last_by('name', 'occurred_at', 'event_id') }} as name,
        {{ last_by('price', 'occurred_at', 'event_id') }} as price,
        {{ last_by('currency', 'occurred_at', 'event_id') }} as currency,
        {{ last_by('url', 'occurred_at', 'event_id') }} as url,
        {{ last_by('image_url', 'occurred_at', 'event_id') }} as image_url,
        min(occurred_at) as added_at,
    from line_operations
    where
        set_at is null
        or occurred_at > set_at
        or (event_id = setting_event_id and operation = 'set')
    group by cart_id, product_id

),

contents as (

    select
        cart_id,
        sum(quantity) as item_count,
        {{ dbt.safe_cast('sum(quantity * price)', 'decimal(18, 2)') }} as value,
        max(currency) as currency,
        {{ json_list(
            json_object(['product_id', 'name', 'price', 'quantity', 'url', 'image_url']),
            order_by='added_at, product_id'
        ) }} as items,
    from lines
    where quantity > 0
    group by cart_id

),

activity as (

    select
        cart_id,
        {{ last_by('identifier_id', 'occurred_at', 'event_id') }} as identifier_id,
        min(case when product_id is not null then occurred_at end) as first_activity_at,
        max(occurred_at) as last_activity_at,
    from operations
    group by cart_id
    having count(product_id) > 0

),

ordered as (

    select
        cart_id,
        max(occurred_at) as ordered_at,
        {{ last_by('order_id', 'occurred_at', 'event_id') }} as order_id,
    from current_operations
    where operation = 'ordered'
    group by cart_id

),

carts as (

    select
        activity.cart_id,
        activity.identifier_id,
        activity.first_activity_at,
        activity.last_activity_at,
        cast(coalesce(contents.item_count, 0) as bigint) as item_count,
        cast(coalesce(contents.value, 0) as decimal(18, 2)) as value,
        contents.currency,
        coalesce(contents.items, cast('[]' as json)) as items,
        case
            when contents.cart_id is null and ordered.cart_id is null
                then activity.last_activity_at
        end as emptied_at,
        ordered.ordered_at,
        ordered.order_id,
        touched.seen_at,
    from activity
    inner join touched on activity.cart_id = touched.cart_id
    left join contents on activity.cart_id = contents.cart_id
    left join ordered on activity.cart_id = ordered.cart_id

)

select * from carts
order by last_activity_at, cart_id
