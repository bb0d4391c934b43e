{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='profile_id',
) }}

{#- Only people whom something happened to are worked out again, from the state of all their identifiers.
    Tables are named where they are read: DuckDB copies a whole import CTE that is read twice. -#}
with

new_links as (

    select identifier_id, profile_id, seen_at
    from {{ ref('int_identifier_profiles') }}
    where {{ is_new() }}

),

new_activity as (

    select identifier_id, seen_at
    from {{ ref('int_identifier_activity') }}
    where {{ is_new() }}

    union all

    select identifier_id, seen_at
    from {{ ref('int_orders') }}
    where {{ is_new() }} and identifier_id is not null

    union all

    select former_identifier_id, seen_at
    from {{ ref('int_orders') }}
    where {{ is_new() }} and former_identifier_id is not null

    union all

    select identifier_id, seen_at from new_links

),

touched as (

    select
        identifiers.profile_id,
        max(new_activity.seen_at) as seen_at,
    from new_activity
    inner join {{ touched_identifiers() }} as identifiers
        on new_activity.identifier_id = identifiers.identifier_id
    where identifiers.profile_id is not null
    group by identifiers.profile_id

),

members as (

    select
        identifiers.profile_id,
        identifiers.identifier_id,
        case when identifiers.identifier_type = 'user_id' then identifiers.identifier end
            as user_id,
        identifiers.first_seen_at,
    from {{ touched_identifiers() }} as identifiers
    inner join touched on identifiers.profile_id = touched.profile_id

),

user_ids as (

    select
        profile_id,
        {{ last_by('user_id', 'first_seen_at', 'user_id') }} as user_id,
    from members
    where user_id is not null
    group by profile_id

),

member_activity as (

    select
        members.profile_id,
        min(activity.first_seen_at) as first_seen_at,
        max(activity.last_seen_at) as last_seen_at,
        sum(activity.event_count) as event_count,
        max(activity.last_opened_at) as last_opened_at,
        max(activity.last_clicked_at) as last_clicked_at,
        {{ latest_distinct('flatten(array_agg(activity.active_hours))', 20) }} as active_hours,
    from members
    inner join {{ ref('int_identifier_activity') }} as activity
        on members.identifier_id = activity.identifier_id
    group by members.profile_id

),

-- a device may be registered under one identifier and revoked under another
said_traits as (

    select
        members.profile_id,
        traits.trait,
        traits.value,
        traits.occurred_at,
        traits.event_id,
    from members
    inner join {{ ref('int_identifier_traits') }} as traits
        on members.identifier_id = traits.identifier_id
    qualify row_number() over (
        partition by members.profile_id, traits.trait
        order by traits.occurred_at desc, traits.value = '' desc, traits.event_id desc
    ) = 1

),

latest_traits as (

    select
        profile_id,
        split_part(trait, '/', 1) as trait,
        {{ last_by('value', 'occurred_at', 'event_id') }} as value,
    from said_traits
    where value <> '' and trait not like 'own/%'
    group by profile_id, split_part(trait, '/', 1)

),

own_traits as (

    select
        profile_id,
        {{ json_object_of("substr(trait, 5)", 'value') }} as traits,
    from said_traits
    where trait like 'own/%'
    group by profile_id

),

member_traits as (

    select
        profile_id,
        {%- for trait in [
            'email', 'phone', 'push_token', 'first_name', 'last_name',
            'birthday', 'locale', 'time_zone', 'country', 'created_at',
        ] %}
        max(case when trait = '{{ trait }}' then value end) as {{ trait }},
        {%- endfor %}
    from latest_traits
    group by profile_id

),

member_orders as (

    select
        members.profile_id,
        min(orders.first_ordered_at) as first_ordered_at,
        max(orders.last_ordered_at) as last_ordered_at,
        sum(orders.order_count) as order_count,
        sum(orders.total_revenue) as total_revenue,
        sum(orders.total_refunded) as total_refunded,
        max(orders.largest_order_value) as largest_order_value,
    from members
    inner join {{ ref('int_identifier_orders') }} as orders
        on members.identifier_id = orders.identifier_id
    group by members.profile_id
    having sum(orders.order_count) > 0

),

categories as (

    select
        members.profile_id,
        categories.category,
        sum(categories.item_count) as item_count,
    from members
    inner join {{ ref('int_identifier_categories') }} as categories
        on members.identifier_id = categories.identifier_id
    group by members.profile_id, categories.category

),

member_items as (

    select
        profile_id,
        sum(item_count) as item_count,
        max_by(category, (item_count, category)) filter (where category <> '' and item_count > 0)
            as favourite_category,
    from categories
    group by profile_id

),

member_hours as (

    select
        member_activity.profile_id,
        extract(hour from {{ to_local(
            'active.hour', "coalesce(member_traits.time_zone, '" ~ var('shop_time_zone') ~ "')"
        ) }}) as local_hour,
    from member_activity
    left join member_traits on member_activity.profile_id = member_traits.profile_id
    cross join unnest(member_activity.active_hours) as active(hour)

),

usual_hours as (

    select profile_id, local_hour as usual_hour
    from member_hours
    group by profile_id, local_hour
    qualify row_number() over (
        partition by profile_id order by count(*) desc, local_hour
    ) = 1

),

predictions as (

    select *
    from {{ ref('stg_predictions__scores') }}
    where profile_id in (select touched.profile_id from touched)

),

profiles as (

    select
        touched.profile_id,
        user_ids.user_id,
        member_traits.email,
        member_traits.phone,
        member_traits.push_token,
        member_traits.first_name,
        member_traits.last_name,
        {{ dbt.safe_cast('substr(member_traits.birthday, 1, 10)', 'date') }} as birthday,
        member_traits.locale,
        member_traits.time_zone,
        member_traits.country,
        coalesce(
            {{ moment_or_null('member_traits.created_at') }}, member_activity.first_seen_at
        ) as created_at,
        member_activity.first_seen_at,
        member_activity.last_seen_at,
        cast(coalesce(member_activity.event_count, 0) as bigint) as event_count,
        member_orders.first_ordered_at,
        member_orders.last_ordered_at,
        cast(coalesce(member_orders.order_count, 0) as bigint) as order_count,
        cast(coalesce(member_items.item_count, 0) as bigint) as item_count,
        cast(coalesce(member_orders.total_revenue, 0) as decimal(18, 2)) as total_revenue,
        cast(coalesce(member_orders.total_refunded, 0) as decimal(18, 2)) as total_refunded,
        member_orders.largest_order_value,
        cast(member_orders.total_revenue / member_orders.order_count as decimal(18, 2))
            as average_order_value,
        case
            when member_orders.order_count > 1
                then date_diff(
                    'second', member_orders.first_ordered_at, member_orders.last_ordered_at
                ) / 86400.0 / (member_orders.order_count - 1)
        end as average_days_between_orders,
        member_items.favourite_category,
        cast(usual_hours.usual_hour as integer) as usual_hour,
        case
            when member_orders.total_revenue - member_orders.total_refunded
                >= {{ var('vip_minimum_revenue') }} then 'gold'
            when member_orders.order_count > 1 then 'silver'
            when member_orders.order_count = 1 then 'bronze'
            else 'none'
        end as tier,
        member_activity.last_opened_at,
        member_activity.last_clicked_at,
        predictions.churn_probability,
        predictions.expected_revenue_90_days,
        predictions.expected_order_date,
        touched.seen_at,
        predictions.scored_at,
        coalesce(own_traits.traits, cast('{}' as json)) as traits,
    from touched
    left join user_ids on touched.profile_id = user_ids.profile_id
    left join member_activity on touched.profile_id = member_activity.profile_id
    left join member_traits on touched.profile_id = member_traits.profile_id
    left join own_traits on touched.profile_id = own_traits.profile_id
    left join member_orders on touched.profile_id = member_orders.profile_id
    left join member_items on touched.profile_id = member_items.profile_id
    left join usual_hours on touched.profile_id = usual_hours.profile_id
    left join predictions on touched.profile_id = predictions.profile_id

)

select * from profiles
{%- if is_incremental() %}

union all

-- everybody else whom a night has scored since: nothing else about them is new
select known.* replace (
    predictions.churn_probability as churn_probability,
    predictions.expected_revenue_90_days as expected_revenue_90_days,
    predictions.expected_order_date as expected_order_date,
    predictions.scored_at as scored_at
)
from {{ ref('stg_predictions__scores') }} as predictions
inner join {{ this }} as known on predictions.profile_id = known.profile_id
where
    predictions.scored_at > (select coalesce(max(last.scored_at), {{ never() }}) from {{ this }} as last)
    and known.profile_id not in (select touched.profile_id from touched)
    and known.profile_id not in (select new_links.identifier_id from new_links)

{{ and_retired_profiles('new_links') }}
{%- endif %}
