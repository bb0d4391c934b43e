with

flow_entries as (

    select * from {{ ref('flow_entries') }}

),

flow_decisions as (

    select * from {{ ref('flow_decisions') }}

),

goals as (

    select
        flow,
        goal_signal,
        goal_within_seconds,
    from {{ ref('stg_flows__flows') }}

),

tested_steps as (

    select distinct
        flow,
        step,
    from {{ ref('stg_flows__flow_arms') }}
    where variant is not null

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
        case when held_out then 'held_out' else 'treated' end as arm,
        'held_out' as baseline_arm,
        entry_id as participant_id,
        profile_id,
        entered_at as since,
        null as message_id,
    from flow_entries
    union all
    select
        flow_decisions.flow || '.' || flow_decisions.step as experiment,
        flow_decisions.flow,
        flow_decisions.variant as arm,
        min(flow_decisions.variant) over (
            partition by flow_decisions.flow, flow_decisions.step
        ) as baseline_arm,
        flow_decisions.entry_id as participant_id,
        flow_decisions.profile_id,
        flow_decisions.decided_at as since,
        flow_decisions.message_id,
    from flow_decisions
    inner join tested_steps
        on
            flow_decisions.flow = tested_steps.flow
            and flow_decisions.step = tested_steps.step
    where flow_decisions.outcome = 'message'

),

converted as (

    select distinct
        participants.experiment,
        participants.participant_id,
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
        converted.participant_id is not null as converted,
        sends.opened_at is not null as opened,
        sends.clicked_at is not null as clicked,
        participants.message_id is not null as has_message,
    from participants
    left join converted
        on
            participants.experiment = converted.experiment
            and participants.participant_id = converted.participant_id
    left join sends on participants.message_id = sends.message_id

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
