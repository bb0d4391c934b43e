{{ config(materialized='table', tags=['nightly']) }}

{#- Item-to-item collaborative filtering: the cosine of two products' baskets (Deshpande & Karypis, ACM TOIS 22, 2004),
    times n / (n + shrinkage), n being the weight of the baskets that hold both (Bell & Koren, KDD 2007). Three baskets
    must: an order is two, its own and its buyer's. Values chosen on Online Retail: see `make validate`. -#}
{%- set shrinkage, fewest_baskets = 5, 3 -%}

with

baskets as (

    select * from {{ ref('int_product_baskets') }}

),

-- pairs of short numbers are counted in half the time of pairs of texts
products as (

    select
        product_id,
        row_number() over (order by product_id) as number,
    from (select distinct product_id from baskets) as named

),

numbered as (

    select
        baskets.reason,
        baskets.basket_id,
        products.number,
        baskets.weight,
    from baskets
    inner join products on baskets.product_id = products.product_id

),

lengths as (

    select
        reason,
        number,
        sqrt(sum(weight * weight)) as length,
    from numbered
    group by reason, number

),

pairs as (

    select
        this.reason,
        this.number,
        other.number as other_number,
        sum(this.weight * other.weight) as weight,
    from numbered as this
    inner join numbered as other
        on this.basket_id = other.basket_id and this.number < other.number
    group by this.reason, this.number, other.number
    having count(*) >= {{ fewest_baskets }}

),

scored as (

    select
        pairs.reason,
        pairs.number,
        pairs.other_number,
        round(
            pairs.weight / (lengths.length * other_lengths.length)
            * pairs.weight / (pairs.weight + {{ shrinkage }}), 9
        ) as score,
    from pairs
    inner join lengths on pairs.reason = lengths.reason and pairs.number = lengths.number
    inner join lengths as other_lengths
        on pairs.reason = other_lengths.reason and pairs.other_number = other_lengths.number

),

neighbours as (

    select * from scored
    union all
    select reason, other_number, number, score from scored

),

nearest as (

    select *
    from neighbours
    qualify
        row_number() over (
            partition by reason, number order by score desc, other_number
        ) <= {{ var('recommendation_neighbours') }}

)

select
    nearest.reason,
    products.product_id,
    others.product_id as neighbour_id,
    nearest.score,
from nearest
inner join products on nearest.number = products.number
inner join products as others on nearest.other_number = others.number
