{{ config(materialized='table') }}

with

flows as (
    select * from {{ ref('stg_flows__flows') }}
),

candidates as (
    {% for flow in var('flows') %}
    select
        '{{ flow[5:] }}' as flow,
        entry_id,
        profile_id,
        entered_at,
        {{ exits_count_from(flow) }} as exits_count_from,
        context,
    from {{ ref(flow) }}
    {{ 'union all' if not loop.last }}
    {% else %}
    select
        cast(null as {{ dbt.type_string() }}) as flow,
        cast(null as {{ dbt.type_string() }}) as entry_id,
        cast(null as {{ dbt.type_string() }}) as profile_id,
        cast(null as {{ dbt.type_timestamp() }}) as entered_at,
        cast(null as {{ dbt.type_timestamp() }}) as exits_count_from,
        cast(null as json) as context,
    limit 0
    {% endfor %}
)

select
    candidates.flow,
    candidates.entry_id,
    candidates.profile_id,
    candidates.entered_at,
    candidates.exits_count_from,
    candidates.context,
    flows.enter_within_seconds,
    flows.reenter,
    flows.reenter_after_seconds,
    {{ bucket("'hold_out:' || candidates.flow", 'candidates.profile_id') }}
    < flows.hold_out_share
    or {{ bucket("'hold_out'", 'candidates.profile_id') }}
    < {{ var('global_hold_out') }} as held_out,
from candidates
inner join flows on candidates.flow = flows.flow
