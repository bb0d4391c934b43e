{{ config(materialized='table', tags=['nightly']) }}

select
    population.local_hour,
    cast(population.share as double) as share,
    case when evaluations.is_better then population.prior_weight end as prior_weight,
from {{ ref('int_population_hours') }} as population
cross join {{ ref('send_time_evaluations') }} as evaluations
where population.split = 'all'
