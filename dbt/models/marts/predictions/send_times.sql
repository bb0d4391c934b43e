{{ config(materialized='table', tags=['nightly']) }}

with

hours as (

    select * from {{ ref('int_profile_hours') }} where split = 'all'

),

population as (

    select * from {{ ref('send_hours') }}

),

usual as (

    select
        local_hour,
        share,
        prior_weight,
    from population
    order by {{ best_hour_first('share', 'local_hour') }}
    limit 1

),

people as (

    select
        profile_id,
        sum(evidence) as evidence,
    from hours
    group by profile_id

),

-- an hour in which a person was never seen cannot beat the population's best one
candidates as (

    select
        hours.profile_id,
        hours.local_hour,
        hours.evidence,
        population.share,
    from hours
    inner join population on hours.local_hour = population.local_hour
    union all
    select
        people.profile_id,
        usual.local_hour,
        0 as evidence,
        usual.share,
    from people
    cross join usual

),

best as (

    select
        candidates.*,
        usual.prior_weight,
        usual.local_hour as usual_hour,
    from candidates
    cross join usual
    qualify row_number() over (
        partition by candidates.profile_id
        order by {{ best_hour_first(
            'candidates.share + coalesce(candidates.evidence / usual.prior_weight, 0)',
            'candidates.local_hour',
        ) }}
    ) = 1

)

select
    best.profile_id,
    cast(best.local_hour as integer) as best_hour,
    cast(coalesce(
        (best.evidence + best.prior_weight * best.share)
        / (people.evidence + best.prior_weight),
        best.share
    ) as double) as best_hour_share,
    cast(best.usual_hour as integer) as population_hour,
    cast(people.evidence as double) as evidence,
    cast(coalesce(people.evidence / (people.evidence + best.prior_weight), 0) as double)
        as confidence,
from best
inner join people on best.profile_id = people.profile_id
