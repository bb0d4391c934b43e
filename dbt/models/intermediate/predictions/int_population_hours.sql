{{ config(materialized='table', tags=['nightly']) }}

with

hours as (

    select * from {{ ref('int_profile_hours') }}

),

clock as (

    {% for hour in range(24) -%}
        select {{ hour }} as local_hour
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

splits as (

    select 'all' as split
    union all
    select 'training' as split

),

-- one act is added to each hour, so that none is impossible
shares as (

    select
        splits.split,
        clock.local_hour,
        (coalesce(sum(hours.evidence), 0) + 1.0)
        / sum(coalesce(sum(hours.evidence), 0) + 1.0) over (
            partition by splits.split
        ) as share,
    from splits
    cross join clock
    left join hours
        on splits.split = hours.split and clock.local_hour = hours.local_hour
    group by splits.split, clock.local_hour

),

people as (

    select
        split,
        profile_id,
        sum(evidence) as evidence,
        sum(evidence_squares) as own_squares,
        sum(evidence * evidence) as same_hour,
    from hours
    group by split, profile_id
    having sum(evidence) * sum(evidence) > 1.000001 * sum(evidence_squares)

),

-- how often two acts of one person fall into the same hour
repeated as (

    select
        split,
        sum((same_hour - own_squares) / evidence)
        / sum((evidence * evidence - own_squares) / evidence) as by_one_person,
        count(*) as person_count,
    from people
    group by split

),

chances as (

    select
        shares.split,
        sum(shares.share * shares.share) as by_two_people,
        max(repeated.by_one_person) as by_one_person,
        coalesce(max(repeated.person_count), 0) as person_count,
    from shares
    left join repeated on shares.split = repeated.split
    group by shares.split

)

select
    shares.split,
    shares.local_hour,
    shares.share,
    cast(case
        when chances.person_count < {{ var('send_time_least_people') }}
            then {{ var('send_time_prior_weight') }}
        when chances.by_one_person <= chances.by_two_people then 1000
        else greatest(1, least(
            1000,
            (1 - chances.by_one_person) / (chances.by_one_person - chances.by_two_people)
        ))
    end as double) as prior_weight,
from shares
inner join chances on shares.split = chances.split
