{#- A weight that is 1 now and halves with every `half_life_days` whole days since `timestamp`. -#}
{% macro decay(timestamp, half_life_days) -%}
    power(0.5, {{ dbt.datediff(timestamp, as_of(), 'day') }} / {{ half_life_days }}.0)
{%- endmacro %}

{#- What each of some people is to be shown: profile_id, rank, product_id, score, reason, because_of_product_id; `people`
    is a relation with profile_id and favourite_category. The one macro here that is a whole query: the mart asks for
    everybody, a tick for those who get a message now, and DuckDB carries one profile_id from above a view down to the
    orders that it must read, but not the profiles of a join. -#}
{% macro recommended_products(people) -%}
{%- set loudest = "reason || coalesce(because_of_product_id, '')" -%}
with

known_as as (

    select
        people.profile_id,
        identifiers.identifier_id,
    from {{ people }} as people
    inner join {{ ref('profile_identifiers') }} as identifiers
        on people.profile_id = identifiers.profile_id

),

bought as (

    select
        known_as.profile_id,
        items.product_id,
        max(items.ordered_at) as bought_at,
    from {{ ref('int_order_items') }} as items
    inner join known_as on items.identifier_id = known_as.identifier_id
    where items.ordered_at > {{ hours_ago(24 * var('recommendation_days')) }}
    group by known_as.profile_id, items.product_id

),

viewed as (

    select
        known_as.profile_id,
        events.product_id,
        max(events.occurred_at) as viewed_at,
        row_number() over (
            partition by known_as.profile_id
            order by max(events.occurred_at) desc, events.product_id
        ) as place,
    from {{ ref('int_events') }} as events
    inner join known_as on events.identifier_id = known_as.identifier_id
    where
        events.event_name = 'Product Viewed'
        and events.occurred_at > {{ hours_ago(24 * 30) }}
    group by known_as.profile_id, events.product_id

),

-- what speaks for others, and how loudly: newer louder, in a session the last most
seeds as (

    select
        profile_id,
        product_id,
        'bought_together' as reason,
        {{ decay('bought_at', 90) }} as weight,
    from bought
    qualify
        row_number() over (partition by profile_id order by bought_at desc, product_id) <= 30

    union all

    select profile_id, product_id, 'viewed_together', {{ decay('viewed_at', 7) }}
    from viewed
    where place <= 10

    union all

    select profile_id, product_id, 'session', {{ decay('viewed_at', 7) }} / place
    from viewed
    where place <= 3

),

voices as (

    select
        seeds.profile_id,
        neighbours.neighbour_id as product_id,
        seeds.reason,
        seeds.product_id as because_of_product_id,
        seeds.weight * neighbours.score as loudness,
    from seeds
    inner join {{ ref('int_product_neighbours') }} as neighbours
        on seeds.product_id = neighbours.product_id and seeds.reason = neighbours.reason

),

candidates as (

    select
        *,
        0 as popularity,
        false as is_favourite,
    from voices

    union all

    select
        people.profile_id,
        popular.product_id,
        'popular' as reason,
        null as because_of_product_id,
        0 as loudness,
        popular.score as popularity,
        coalesce(popular.category = people.favourite_category, false) as is_favourite,
    from {{ people }} as people
    inner join {{ ref('int_products_popular') }} as popular
        on popular.is_best_seller or people.favourite_category = popular.category

),

-- whatever speaks for a product goes before popularity
scored as (

    select
        profile_id,
        product_id,
        round(sum(loudness), 9) as similarity,
        max(popularity) as popularity,
        bool_or(is_favourite) as is_favourite,
        {{ last_by('reason', 'loudness', loudest) }} as reason,
        {{ last_by('because_of_product_id', 'loudness', loudest) }} as because_of_product_id,
    from candidates
    group by profile_id, product_id

)

select
    scored.profile_id,
    row_number() over (
        partition by scored.profile_id
        order by
            scored.similarity desc,
            scored.is_favourite desc,
            scored.popularity desc,
            scored.product_id
    ) as rank,
    scored.product_id,
    case when scored.similarity > 0 then scored.similarity else scored.popularity end as score,
    scored.reason,
    scored.because_of_product_id,
from scored
inner join {{ ref('int_products_available') }} as products
    on scored.product_id = products.product_id
left join bought
    on
        scored.profile_id = bought.profile_id
        and scored.product_id = bought.product_id
        and bought.bought_at > {{ hours_ago(24 * var('just_bought_days')) }}
where bought.product_id is null
qualify rank <= {{ var('recommendation_count') }}
{%- endmacro %}
