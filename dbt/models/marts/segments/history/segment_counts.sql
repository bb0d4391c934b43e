-- Days before the last one counted are closed: only that day and later ones are counted.
with

memberships as (

    select * from {{ ref('segment_memberships') }}

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
        memberships.segment,
        open_days.date,
        count(distinct memberships.profile_id) filter (
            where
            cast(memberships.exited_at as date) is null
            or cast(memberships.exited_at as date) > open_days.date
        ) as member_count,
        count(*) filter (
            where cast(memberships.entered_at as date) = open_days.date
        ) as entered_count,
        count(*) filter (
            where cast(memberships.exited_at as date) = open_days.date
        ) as exited_count,
    from open_days
    inner join memberships
        on
            cast(memberships.entered_at as date) <= open_days.date
            and (
                memberships.exited_at is null
                or cast(memberships.exited_at as date) >= open_days.date
            )
    group by memberships.segment, open_days.date

)

select
    segment,
    date,
    member_count,
    entered_count,
    exited_count,
from counted
