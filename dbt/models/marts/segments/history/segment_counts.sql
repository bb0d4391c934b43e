-- Days before the last one counted are closed: only that day and later ones are counted.
{%- set first_open_day = "(select coalesce(max(date), cast(" ~ as_of() ~ " as date)) from " ~ this ~ ")"
    if is_incremental() else "cast(" ~ as_of() ~ " as date)" %}

with

open_days as (

    select
        cast(
            unnest(generate_series({{ first_open_day }}, {{ as_of() }}, interval '1 day')) as date
        ) as date,

),

stays as (

    select
        segment,
        cast(entered_at as date) as entered_date,
        cast(exited_at as date) as exited_date,
        count(*) as stay_count,
    from {{ ref('segment_memberships') }}
    where exited_at is null or cast(exited_at as date) >= {{ first_open_day }}
    group by segment, cast(entered_at as date), cast(exited_at as date)

),

-- a segment that is there is counted from its first day on, whoever is in it
first_days as (
    {% for segment in var('segments') %}
    select
        '{{ segment[8:] }}' as segment,
        cast({{ as_of() }} as date) as date,

    union all
    {% endfor %}
    select
        segment,
        entered_date as date,
    from stays
    {%- if is_incremental() %}

    union all

    select
        segment,
        date,
    from {{ this }}
    where date = {{ first_open_day }}
    {%- endif %}

),

live_days as (

    select
        first_days.segment,
        open_days.date,
    from first_days
    inner join open_days on first_days.date <= open_days.date
    where
        first_days.segment in (
            {%- for segment in var('segments') %}'{{ segment[8:] }}', {% endfor %}null
        )

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

),

segment_days as (

    select
        segment,
        date,
    from live_days

    union

    select
        segment,
        date,
    from counted

)

select
    segment_days.segment,
    segment_days.date,
    cast(coalesce(counted.member_count, 0) as bigint) as member_count,
    cast(coalesce(counted.entered_count, 0) as bigint) as entered_count,
    cast(coalesce(counted.exited_count, 0) as bigint) as exited_count,
from segment_days
left join counted
    on
        segment_days.segment = counted.segment
        and segment_days.date = counted.date
