with

messages as (
    select * from {{ ref('int_message_candidates') }}
),

judgements as (
    select * from {{ ref('int_send_decisions') }}
),

latest_judgements as (
    select *
    from judgements
    qualify row_number() over (partition by message_id order by evaluated_at desc) = 1
)

select
    messages.message_id,
    messages.kind,
    messages.flow,
    messages.step,
    messages.entry_id,
    messages.profile_id,
    messages.channel,
    latest_judgements.address,
    messages.template,
    messages.variant,
    messages.message_class as class,
    messages.priority,
    messages.decided_at,
    coalesce(latest_judgements.due_at, messages.due_at) as due_at,
    messages.expires_at,
    coalesce(latest_judgements.status, 'deferred') as status,
    case
        when latest_judgements.message_id is null then 'not_yet_judged'
        else latest_judgements.reason
    end as reason,
    latest_judgements.consent_id,
from messages
left join latest_judgements on messages.message_id = latest_judgements.message_id
