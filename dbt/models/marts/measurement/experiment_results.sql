with

log as (

    select * from {{ ref('int_flow_log') }}

),

goals as (

    select
        flow,
        goal_signal,
        goal_within_seconds,
    from {{ ref('stg_flows__flows') }}

),

tested_steps as (

    select
        flow,
        step,
        min(variant) as baseline_arm,
    from {{ ref('stg_flows__flow_arms') }}
    where variant is not null
    group by flow, step
    having count(distinct variant) > 1

),

sends as (

    select * from {{ ref('sends') }}

),

identifiers as (

    select * from {{ ref('int_identifier_profiles') }}

),

signals as (

    select
        identifiers.profile_id,
        signals.signal,
        signals.occurred_at,
    from {{ ref('int_signals') }} as signals
    inner join identifiers on signals.identifier_id = identifiers.identifier_id
    where signals.signal in (select goals.goal_signal from goals)

),

participants as (

    select
        flow || '.hold_out' as experiment,
        flow,
        cast(null as varchar) as step,
        entry_id,
        profile_id,
        entered_at as since,
        case when held_out then 'held_out' else 'treated' end as arm,
        'held_out' as baseline_arm,
    from log
    where kind = 'entered'
    union all
    select
        log.flow || '.' || log.step as experiment,
        log.flow,
        log.step,
        log.entry_id,
        log.profile_id,
        log.logged_at as since,
        log.variant as arm,
        tested_steps.baseline_arm,
    from log
    inner join tested_steps
        on log.flow = tested_steps.flow and log.step = tested_steps.step
    where log.kind = 'decided' and log.outcome = 'message' and log.variant is not null

),

converted as (

    select distinct
        participants.experiment,
        participants.entry_id,
    from participants
    inner join goals on participants.flow = goals.flow
    inner join identifiers on participants.profile_id = identifiers.identifier_id
    inner join signals
        on
            identifiers.profile_id = signals.profile_id
            and goals.goal_signal = signals.signal
            and signals.occurred_at > participants.since
            and signals.occurred_at
            <= {{ add_seconds('participants.since', 'goals.goal_within_seconds') }}

),

outcomes as (

    select
        participants.experiment,
        participants.arm,
        participants.baseline_arm,
        converted.entry_id is not null as converted,
        sends.opened_at is not null as opened,
        sends.clicked_at is not null as clicked,
        sends.message_id is not null as has_message,
    from participants
    left join converted
        on
            participants.experiment = converted.experiment
            and participants.entry_id = converted.entry_id
    left join sends
        on
            participants.flow = sends.flow
            and participants.step = sends.step
            and participants.entry_id = sends.entry_id
            and sends.sent_at is not null

),

counted as (

    {% for metric in ['converted', 'opened', 'clicked'] -%}
    select
        experiment,
        '{{ metric }}' as metric,
        arm,
        baseline_arm,
        count(*) as participant_count,
        count(*) filter (where {{ metric }}) as success_count,
    from outcomes
    {% if metric != 'converted' -%}
    where has_message
    {% endif -%}
    group by experiment, arm, baseline_arm
    {% if not loop.last %}union all
    {% endif -%}
    {%- endfor %}

),

bounded as (

    select
        *,
        1.0 * success_count / participant_count as rate,
        {{ wilson_bound('success_count', 'participant_count', '-') }} as rate_low,
        {{ wilson_bound('success_count', 'participant_count', '+') }} as rate_high,
    from counted

)

select
    bounded.experiment,
    bounded.metric,
    bounded.arm,
    bounded.baseline_arm,
    bounded.participant_count,
    bounded.success_count,
    bounded.rate,
    bounded.rate_low,
    bounded.rate_high,
    bounded.rate - baseline.rate as lift,
    bounded.rate - baseline.rate - sqrt(
        power(bounded.rate - bounded.rate_low, 2)
        + power(baseline.rate_high - baseline.rate, 2)
    ) as lift_low,
    bounded.rate - baseline.rate + sqrt(
        power(bounded.rate_high - bounded.rate, 2)
        + power(baseline.rate - baseline.rate_low, 2)
    ) as lift_high,
from bounded
left join bounded as baseline
    on
        bounded.experiment = baseline.experiment
        and bounded.metric = baseline.metric
        and bounded.baseline_arm = baseline.arm
        and bounded.arm <> baseline.arm
