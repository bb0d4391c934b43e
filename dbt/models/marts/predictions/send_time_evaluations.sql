{{ config(materialized='table', tags=['nightly']) }}

with

acts as (

    select * from {{ ref('int_active_hours') }}
    where active_at >= {{ hours_ago(24 * var('send_time_hold_out_days')) }}

),

known as (

    select * from {{ ref('int_profile_hours') }} where split = 'training'

),

people as (

    select
        profile_id,
        sum(evidence) as evidence,
    from known
    group by profile_id

),

told as (

    select
        acts.profile_id,
        acts.weight,
        ln(population.share) as population_log,
        ln(
            (coalesce(known.evidence, 0) + population.prior_weight * population.share)
            / (people.evidence + population.prior_weight)
        ) as personal_log,
    from acts
    inner join people on acts.profile_id = people.profile_id
    inner join {{ ref('int_population_hours') }} as population
        on acts.local_hour = population.local_hour and population.split = 'training'
    left join known
        on acts.profile_id = known.profile_id and acts.local_hour = known.local_hour

),

-- people are the unit of the error: one person's acts resemble each other
by_person as (

    select
        profile_id,
        count(*) as act_count,
        sum(weight) as weight,
        sum(weight * population_log) as population_log,
        sum(weight * personal_log) as personal_log,
    from told
    group by profile_id

),

figures as (

    select
        count(*) as profile_count,
        coalesce(sum(act_count), 0) as act_count,
        sum(population_log) / sum(weight) as population_log_likelihood,
        sum(personal_log) / sum(weight) as personal_log_likelihood,
        sum(weight) as weight,
    from by_person

),

errors as (

    select
        sqrt(sum(power(
            by_person.personal_log - by_person.population_log
            - by_person.weight
            * (figures.personal_log_likelihood - figures.population_log_likelihood),
            2
        ))) / max(figures.weight) as standard_error,
    from by_person
    cross join figures

)

select
    {{ as_of() }} as evaluated_at,
    {{ hours_ago(24 * var('send_time_hold_out_days')) }} as trained_until,
    figures.profile_count,
    cast(figures.act_count as bigint) as act_count,
    figures.population_log_likelihood,
    figures.personal_log_likelihood,
    errors.standard_error,
    coalesce(
        figures.profile_count >= {{ var('send_time_least_people') }}
        and figures.personal_log_likelihood - figures.population_log_likelihood
        > errors.standard_error,
        false
    ) as is_better,
from figures
cross join errors
