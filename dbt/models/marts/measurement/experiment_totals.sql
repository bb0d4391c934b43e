{%- set with_message = ['opened', 'clicked', 'unsubscribed', 'complained', 'bounced'] %}
{%- set shares = ['converted'] + with_message %}
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
        min(since) as first_at,
        max(since) as last_at,
        max(case when is_expected then 1 else 0 end) as expected_count,
        cast(count(*) as double) as entries,
        cast(count(*) filter (where has_message) as double) as messages,
        max(cast(revenue_before as double)) as covariate,
        sum(cast(revenue as double)) as revenue,
        {% for metric in shares -%}
        cast(count(*) filter (
            where {{ metric }}{{ ' and has_message' if metric in with_message }}
        ) as double) as {{ metric }},
        {% endfor %}
    from outcomes
    group by experiment, arm, profile_id

),

-- all metrics in one pass: a campaign has millions of units
summed as (

    select
        experiment,
        arm,
        max(flow) as flow,
        max(step) as step,
        max(baseline_arm) as baseline_arm,
        max(expected_share) as expected_share,
        min(first_at) as first_at,
        max(last_at) as last_at,
        cast(sum(expected_count) as bigint) as expected_count,
        {% for weight in ['entries', 'messages'] -%}
        count(*) filter (where {{ weight }} > 0) as {{ weight }}_units,
        sum({{ weight }}) as {{ weight }}_sum,
        sum({{ weight }} * {{ weight }}) as {{ weight }}_squares,
        sum(covariate * {{ weight }}) as {{ weight }}_covariate,
        sum(covariate) filter (where {{ weight }} > 0) as {{ weight }}_before,
        sum(covariate * covariate) filter (where {{ weight }} > 0)
            as {{ weight }}_before_squares,
        {% endfor -%}
        {% for metric in shares + ['revenue'] -%}
        sum({{ metric }}) as {{ metric }}_sum,
        sum({{ metric }} * {{ metric }}) as {{ metric }}_squares,
        sum({{ metric }} * {{ 'messages' if metric in with_message else 'entries' }})
            as {{ metric }}_weight,
        sum({{ metric }} * covariate) as {{ metric }}_covariate,
        {% endfor %}
    from units
    group by experiment, arm

),

measured as (

    {% for metric in shares + ['revenue'] -%}
    {%- set weight = 'messages' if metric in with_message else 'entries' -%}
    select
        experiment,
        '{{ metric }}' as metric,
        arm,
        flow,
        step,
        baseline_arm,
        expected_share,
        first_at,
        last_at,
        expected_count,
        {{ weight }}_units as unit_count,
        cast({{ weight }}_sum as bigint) as participant_count,
        {{ 'cast(null as bigint)' if metric == 'revenue' else 'cast(' ~ metric ~ '_sum as bigint)' }}
            as success_count,
        {{ metric }}_sum as value_sum,
        {{ weight }}_sum as weight_sum,
        {{ weight }}_before as before_sum,
        {{ metric }}_squares as value_value_sum,
        {{ weight }}_squares as weight_weight_sum,
        {{ weight }}_before_squares as before_before_sum,
        {{ metric }}_weight as value_weight_sum,
        {{ metric }}_covariate as before_value_sum,
        {{ weight }}_covariate as before_weight_sum,
    from summed
    where {{ weight }}_units > 0
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

bounded as (

    select
        *,
        value_sum / weight_sum as rate,
        {{ wilson_bound('success_count', 'participant_count', '-') }} as rate_low,
        {{ wilson_bound('success_count', 'participant_count', '+') }} as rate_high,
    from measured

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
