with

log as (

    select * from {{ ref('int_flow_log') }}

),

flows as (

    select
        *,
        coalesce(goal_signal, 'ordered') as signal,
        coalesce(
            goal_within_seconds, {{ 86400 * var('attribution_window_days') }}
        ) as goal_seconds,
        1 - (1 - coalesce(hold_out_share, 0)) * (1 - {{ var('global_hold_out') }})
            as held_out_share,
    from {{ ref('stg_flows__flows') }}

),

steps as (

    select * from {{ ref('stg_flows__flow_steps') }}

),

-- an arm's namesakes serve those who are not part of the experiment
variants as (

    select * from {{ ref('stg_flows__flow_arms') }}
    where arm = variant

),

tested_steps as (

    select
        flow,
        flow_version,
        step,
        {{ first_by('arm', 'coalesce(arm_position, 0)', 'arm') }} as baseline_arm,
        {{ dbt.listagg(
            "arm || ' ' || coalesce(share_from, 0) || ' ' || coalesce(share_to, 0)",
            "', '", 'order by arm'
        ) }} as shares,
        count(distinct channel) > 1 as has_channels,
    from variants
    group by flow, flow_version, step
    having count(*) > 1

),

-- versions whose shares are those of the live one: others cannot be pooled with it
comparable_steps as (

    select
        tested_steps.*,
        flows.signal,
        flows.goal_seconds,
        steps.spread_seconds,
        case
            when steps.spread_seconds > 0
                then coalesce(
                    least(steps.observed_seconds, flows.goal_seconds), flows.goal_seconds
                )
        end as observed_seconds,
    from tested_steps
    inner join steps
        on
            tested_steps.flow = steps.flow
            and tested_steps.flow_version = steps.flow_version
            and tested_steps.step = steps.step
    inner join flows on tested_steps.flow = flows.flow
    inner join tested_steps as live_steps
        on
            flows.flow = live_steps.flow
            and flows.flow_version = live_steps.flow_version
            and tested_steps.step = live_steps.step
            and tested_steps.shares = live_steps.shares

),

decisions_on_shares as (

    select
        flow,
        step,
        arm,
        replaces_from,
        replaces_to,
        kind,
        min(decided_at) as decided_at,
    from {{ ref('stg_measurement__allocations') }}
    group by flow, step, arm, replaces_from, replaces_to, kind

)

select
    log.flow || '.hold_out' as experiment,
    log.flow,
    cast(null as varchar) as step,
    log.entry_id,
    log.profile_id,
    log.entered_at as since,
    case when log.held_out then 'held_out' else 'treated' end as arm,
    'held_out' as baseline_arm,
    case
        when log.held_out then flows.held_out_share
        else 1 - flows.held_out_share
    end as expected_share,
    log.flow_version = flows.flow_version as is_expected,
    coalesce(flows.signal, 'ordered') as signal,
    coalesce(
        flows.goal_seconds, {{ 86400 * var('attribution_window_days') }}
    ) as within_seconds,
    cast(null as bigint) as observed_seconds,
    false as counts_unsent,
from log
left join flows on log.flow = flows.flow
where log.kind = 'entered'
union all
select
    log.flow || '.' || log.step as experiment,
    log.flow,
    log.step,
    log.entry_id,
    log.profile_id,
    log.logged_at as since,
    log.arm,
    comparable_steps.baseline_arm,
    variants.share_to - variants.share_from as expected_share,
    coalesce(decisions_on_shares.kind, 'winner') = 'winner' as is_expected,
    comparable_steps.signal,
    coalesce(
        comparable_steps.spread_seconds + comparable_steps.observed_seconds,
        comparable_steps.goal_seconds
    ) as within_seconds,
    comparable_steps.observed_seconds,
    comparable_steps.has_channels
    or comparable_steps.spread_seconds > 0 as counts_unsent,
from log
inner join comparable_steps
    on
        log.flow = comparable_steps.flow
        and log.flow_version = comparable_steps.flow_version
        and log.step = comparable_steps.step
inner join variants
    on
        log.flow = variants.flow
        and log.flow_version = variants.flow_version
        and log.step = variants.step
        and log.arm = variants.arm
left join decisions_on_shares
    on
        variants.flow = decisions_on_shares.flow
        and variants.step = decisions_on_shares.step
        and variants.arm = decisions_on_shares.arm
        and variants.share_from = decisions_on_shares.replaces_from
        and variants.share_to = decisions_on_shares.replaces_to
where
    log.kind = 'decided'
    and log.outcome = 'message'
    and (
        decisions_on_shares.kind is null
        or decisions_on_shares.kind = 'bandit'
        or log.logged_at < decisions_on_shares.decided_at
    )
    -- of a split over send times, those whose latest variant has been watched long enough
    and (
        comparable_steps.observed_seconds is null
        or {{ add_seconds(
            'log.logged_at',
            'comparable_steps.spread_seconds + comparable_steps.observed_seconds',
        ) }} <= (select max(complete.seen_at) from {{ complete_runs() }} as complete)
    )
