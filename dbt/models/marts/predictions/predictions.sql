{%- set models = {
    'churn_probability': ['churn', 'brier'],
    'expected_revenue_90_days': ['expected_revenue_90_days', 'mae'],
    'expected_revenue_365_days': ['expected_revenue_365_days', 'mae'],
    'days_to_next_order': ['expected_order', 'mae'],
} %}
with

scores as (

    select * from {{ ref('stg_predictions__scores') }}

),

scorings as (

    select * from {{ ref('stg_predictions__scorings') }}
    qualify row_number() over (partition by model order by scored_at desc) = 1

),

said as (

    select
        scorings.model,
        versions.version,
        versions.contender,
        evaluations.figure,
        evaluations.value,
    from scorings
    inner join {{ ref('stg_predictions__versions') }} as versions
        on scorings.model = versions.model and scorings.version = versions.version
    inner join {{ ref('stg_predictions__evaluations') }} as evaluations
        on
            versions.model = evaluations.model
            and versions.version = evaluations.version
            and versions.contender = evaluations.contender

),

-- one row: all customers were scored by the same versions
speakers as (

    select
        {%- for model, (name, figure) in models.items() %}
        max(case when model = '{{ model }}' then version end) as {{ name }}_version,
        max(case when model = '{{ model }}' then contender end) as {{ name }}_contender,
        max(case when model = '{{ model }}' and figure = '{{ figure }}' then value end)
            as {{ name }}_{{ figure }},
        {%- endfor %}
    from said

)

select
    scores.profile_id,
    scores.churn_probability,
    speakers.churn_brier,
    speakers.churn_contender,
    speakers.churn_version,
    scores.expected_revenue_90_days,
    speakers.expected_revenue_90_days_mae,
    speakers.expected_revenue_90_days_contender,
    speakers.expected_revenue_90_days_version,
    scores.expected_revenue_365_days,
    speakers.expected_revenue_365_days_mae,
    speakers.expected_revenue_365_days_contender,
    speakers.expected_revenue_365_days_version,
    scores.expected_order_date,
    speakers.expected_order_mae,
    speakers.expected_order_contender,
    speakers.expected_order_version,
    scores.scored_at,
from scores
cross join speakers
