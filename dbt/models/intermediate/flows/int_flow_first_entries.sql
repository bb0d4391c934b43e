with

entries as (
    select * from {{ ref('int_flow_log') }} where kind = 'entered'
),

flows as (
    select * from {{ ref('stg_flows__flows') }} where reenter = 'never'
)

select
    entries.flow,
    entries.entry_id,
    entries.profile_id,
    entries.entered_at,
    entries.logged_at,
from entries
inner join flows on entries.flow = flows.flow
{%- if is_incremental() and var('is_tick', false) %}
where entries.logged_at > (
    select coalesce(max(known.logged_at), {{ never() }}) from {{ this }} as known
)
{%- elif is_incremental() %}
-- the project changed: a flow may be of this kind since now
left join {{ this }} as known
    on entries.flow = known.flow
    and entries.entry_id = known.entry_id
where known.entry_id is null
{%- endif %}
