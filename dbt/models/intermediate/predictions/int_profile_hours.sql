{{ config(materialized='table', tags=['nightly']) }}

with

splits as (

    select
        'all' as split,
        {{ as_of() }} as known_at,
    union all
    select
        'training' as split,
        {{ hours_ago(24 * var('send_time_hold_out_days')) }} as known_at,

),

aged as (

    select
        splits.split,
        hours.profile_id,
        hours.local_hour,
        hours.weight * {{ half_life_weight(
            seconds_between('hours.active_at', 'splits.known_at'), var('send_time_half_life_days')
        ) }} as weight,
    from {{ ref('int_active_hours') }} as hours
    inner join splits on hours.active_at < splits.known_at

)

select
    split,
    profile_id,
    local_hour,
    sum(weight) as evidence,
    sum(weight * weight) as evidence_squares,
from aged
group by split, profile_id, local_hour
