{{ config(materialized='table', tags=['nightly']) }}

{#- Sequential rules: how often one product page follows another within three steps of a session, each counting
    1 / distance, per view of the first (Ludewig & Jannach, UMUAI 28, 2018), shrunk and decayed like `int_products_similar`.
    Linear in views: nothing is joined. -#}
{%- set shrinkage, fewest_times = 5, 3 -%}

with

views as (

    select
        *,
        {{ decay('viewed_at', var('recommendation_half_life_days')) }} as weight,
    from {{ ref('int_products_viewed') }}

),

lengths as (

    select
        product_id,
        sum(weight) as weight,
    from views
    group by product_id

),

steps as (
    {% for distance in [1, 2, 3] %}
    select
        product_id,
        lead(product_id, {{ distance }}) over (
            partition by session_id order by view_number
        ) as neighbour_id,
        weight / {{ distance }} as weight,
    from views
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}

),

rules as (

    select
        product_id,
        neighbour_id,
        sum(weight) as weight,
    from steps
    where neighbour_id <> product_id
    group by product_id, neighbour_id
    having count(*) >= {{ fewest_times }}

),

scored as (

    select
        rules.product_id,
        rules.neighbour_id,
        round(rules.weight / (lengths.weight + {{ shrinkage }}), 9) as score,
    from rules
    inner join lengths on rules.product_id = lengths.product_id

)

select *
from scored
qualify
    row_number() over (partition by product_id order by score desc, neighbour_id)
    <= {{ var('recommendation_neighbours') }}
