-- Days before the last one counted are closed: only that day and later ones are counted.
with

stays as (

    select
        segment,
        cast(entered_at as date) as entered_date,
        cast(exited_at as date) as exited_date,
        count(*) as stay_count,
    from {{ ref('segment_memberships') }}
    group by segment, cast(entered_at as date), cast(exited_at as date)

),

open_days as (

    select
        cast(
            unnest(generate_series(
                {% if is_incremental() -%}
                (select coalesce(max(date), {{ as_of() }}) from {{ this }}),
                {% else -%}
                {{ as_of() }},
                {% endif -%}
                {{ as_of() }},
                interval '1 day'
            )) as date
        ) as date,

),

counted as (

    select
        stays.segment,
        open_days.date,
        sum(stays.stay_count) filter (
            where stays.exited_date is null or stays.exited_date > open_days.date
        ) as member_count,
        sum(stays.stay_count) filter (
            where stays.entered_date = open_days.date
        ) as entered_count,
        sum(stays.stay_count) filter (
            where stays.exited_date = open_days.date
        ) as exited_count,
    from open_days
    inner join stays
        on
            open_days.date >= stays.entered_date
            and open_days.date <= coalesce(stays.exited_date, open_days.date)
    group by stays.segment, open_days.date

)

select
    segment,
    date,
    cast(coalesce(member_count, 0) as bigint) as member_count,
    cast(coalesce(entered_count, 0) as bigint) as entered_count,
    cast(coalesce(exited_count, 0) as bigint) as exited_count,
from counted
