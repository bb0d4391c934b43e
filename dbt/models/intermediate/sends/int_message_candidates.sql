with

decisions as (
    select * from {{ ref('int_flow_log') }} where kind = 'decided'
),

arms as (
    select * from {{ ref('stg_flows__flow_arms') }}
),

classes as (
    select * from {{ ref('message_classes') }}
)

select
    {{ hash_id([
        'decisions.flow_kind', 'decisions.flow', 'decisions.step', 'decisions.entry_id',
        'arms.channel',
    ]) }} as message_id,
    decisions.flow_kind as kind,
    decisions.flow,
    decisions.step,
    decisions.entry_id,
    decisions.profile_id,
    decisions.entered_at,
    coalesce(decisions.exits_count_from, decisions.entered_at) as exits_count_from,
    decisions.outcome = 'held_out' as held_out,
    arms.action,
    arms.channel,
    arms.template,
    arms.variant,
    arms.message_class,
    arms.priority,
    arms.payload,
    decisions.logged_at as decided_at,
    coalesce(decisions.due_at, decisions.logged_at) as due_at,
    {{ add_seconds(
        'coalesce(decisions.due_at, decisions.logged_at)',
        '3600 * classes.expires_after_hours',
    ) }} as expires_at,
from decisions
inner join arms
    on decisions.flow = arms.flow
    and decisions.flow_version = arms.flow_version
    and decisions.step = arms.step
    and decisions.arm = arms.arm
    and arms.action != 'nothing'
inner join classes on arms.message_class = classes.message_class
