{%- set shares = ['converted', 'opened', 'clicked', 'unsubscribed', 'complained'] %}
{%- set with_message = ['opened', 'clicked', 'unsubscribed', 'complained'] %}
with

outcomes as (

    select * from {{ ref('int_experiment_outcomes') }}

),

units as (

    select
        experiment,
        arm,
        profile_id,
        max(flow) as flow,
        max(step) as step,
        max(baseline_arm) as baseline_arm,
        max(expected_share) as expected_share,
        min(since) as since,
        max(case when is_expected then 1 else 0 end) as expected_count,
        count(*) as entry_count,
        count(*) filter (where has_message) as message_count,
        max(cast(revenue_before as double)) as revenue_before,
        sum(cast(revenue as double)) as revenue,
        {% for metric in shares -%}
        count(*) filter (
            where {{ metric }}{{ ' and has_message' if metric in with_message }}
        ) as {{ metric }},
        {% endfor %}
    from outcomes
    group by experiment, arm, profile_id

),

measured as (

    {% for metric in shares + ['revenue'] -%}
    select
        experiment,
        '{{ metric }}' as metric,
        arm,
        flow,
        step,
        baseline_arm,
        expected_share,
        since,
        expected_count,
        cast({{ metric }} as double) as value,
        cast(
            {{ 'message_count' if metric in with_message else 'entry_count' }} as double
        ) as weight,
        revenue_before as before,
    from units
    {% if metric in with_message -%}
    where message_count > 0
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

summed as (

    select
        experiment,
        metric,
        arm,
        max(flow) as flow,
        max(step) as step,
        max(baseline_arm) as baseline_arm,
        max(expected_share) as expected_share,
        min(since) as first_at,
        max(since) as last_at,
        cast(sum(expected_count) as bigint) as expected_count,
        count(*) as unit_count,
        sum(value) as value_sum,
        sum(weight) as weight_sum,
        sum(before) as before_sum,
        sum(value * value) as value_value_sum,
        sum(weight * weight) as weight_weight_sum,
        sum(before * before) as before_before_sum,
        sum(value * weight) as value_weight_sum,
        sum(before * value) as before_value_sum,
        sum(before * weight) as before_weight_sum,
        cast(sum(weight) as bigint) as participant_count,
        case
            when metric <> 'revenue' then cast(sum(value) as bigint)
        end as success_count,
    from measured
    group by experiment, metric, arm

),

bounded as (

    select
        *,
        value_sum / weight_sum as rate,
        {{ wilson_bound('success_count', 'participant_count', '-') }} as rate_low,
        {{ wilson_bound('success_count', 'participant_count', '+') }} as rate_high,
    from summed

)

select
    bounded.experiment,
    bounded.metric,
    bounded.arm,
    bounded.baseline_arm,
    bounded.flow,
    bounded.step,
    bounded.first_at,
    bounded.last_at,
    bounded.unit_count,
    bounded.participant_count,
    bounded.success_count,
    bounded.expected_count,
    bounded.expected_share,
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
    bounded.value_sum,
    bounded.weight_sum,
    bounded.before_sum,
    bounded.value_value_sum,
    bounded.weight_weight_sum,
    bounded.before_before_sum,
    bounded.value_weight_sum,
    bounded.before_value_sum,
    bounded.before_weight_sum,
from bounded
left join bounded as baseline
    on
        bounded.experiment = baseline.experiment
        and bounded.metric = baseline.metric
        and bounded.baseline_arm = baseline.arm
        and bounded.arm <> baseline.arm
