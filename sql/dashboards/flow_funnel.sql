-- How far the entries of each flow came, and how many were lost before each step.
with

steps as (

    select
        flow,
        step,
        count(*) as reached,
        min(decided_at) as first_decided_at,
        avg(date_diff('second', entered_at, decided_at)) as average_seconds,
    from flow_decisions
    group by flow, step

),

entered as (

    select
        flow,
        count(*) as entered,
    from flow_entries
    group by flow

)

select
    steps.flow,
    steps.step,
    entered.entered,
    steps.reached,
    round(steps.reached / entered.entered, 4) as reached_share,
    round(
        1 - steps.reached / lag(steps.reached, 1, entered.entered) over (
            partition by steps.flow order by steps.average_seconds, steps.step
        ),
        4
    ) as drop_off_share,
from steps
inner join entered on steps.flow = entered.flow
order by steps.flow, steps.average_seconds, steps.step
