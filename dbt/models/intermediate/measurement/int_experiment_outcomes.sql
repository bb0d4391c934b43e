with

participants as (

    select
        participants.*,
        coalesce(identifiers.profile_id, participants.profile_id) as person_id,
        {{ add_seconds('participants.since', 'participants.within_seconds') }} as ends_at,
        min(participants.since) over (
            partition by participants.experiment, participants.profile_id
        ) as first_since,
    from {{ ref('int_experiment_participants') }} as participants
    left join {{ ref('int_identifier_profiles') }} as identifiers
        on participants.profile_id = identifiers.identifier_id

),

-- a server that refuses a dead address at once has taken nothing: the bounce is all there is
sends as (

    select sends.*
    from {{ ref('sends') }} as sends
    where coalesce({{ left_at('sends') }}, sends.bounced_at) is not null

),

goals as (

    select distinct signal from participants

),

signals as (

    select
        identifiers.profile_id,
        signals.signal,
        signals.occurred_at,
    from {{ ref('int_signals') }} as signals
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on signals.identifier_id = identifiers.identifier_id
    where signals.signal in (select goals.signal from goals)

),

orders as (

    select
        identifiers.profile_id,
        orders.ordered_at,
        orders.revenue,
    from {{ ref('int_orders') }} as orders
    inner join {{ ref('int_identifier_profiles') }} as identifiers
        on orders.identifier_id = identifiers.identifier_id
    where orders.ordered_at is not null and orders.cancelled_at is null

),

converted as (

    select distinct
        participants.experiment,
        participants.entry_id,
    from participants
    inner join signals
        on
            participants.person_id = signals.profile_id
            and participants.signal = signals.signal
            and participants.since < signals.occurred_at
            and participants.ends_at >= signals.occurred_at

),

earned as (

    select
        participants.experiment,
        participants.entry_id,
        sum(orders.revenue) filter (
            where orders.ordered_at > participants.since
        ) as revenue,
        sum(orders.revenue) filter (
            where orders.ordered_at <= participants.first_since
        ) as revenue_before,
    from participants
    inner join orders
        on
            participants.person_id = orders.profile_id
            and participants.ends_at >= orders.ordered_at
            and orders.ordered_at > {{ add_seconds(
                'participants.first_since', -86400 * var('experiment_memory_days')
            ) }}
    group by participants.experiment, participants.entry_id

)

select
    participants.experiment,
    participants.flow,
    participants.step,
    participants.arm,
    participants.baseline_arm,
    participants.profile_id,
    participants.entry_id,
    participants.since,
    participants.expected_share,
    participants.is_expected,
    sends.message_id is not null or participants.counts_unsent as has_message,
    converted.entry_id is not null as converted,
    {% for moment in ['opened', 'clicked', 'unsubscribed', 'complained', 'bounced'] -%}
    coalesce(
        sends.{{ moment }}_at <= coalesce(
            {{ add_seconds('sends.sent_at', 'participants.observed_seconds') }},
            {{ ever_after() }}
        ),
        false
    ) as {{ moment }},
    {% endfor -%}
    coalesce(earned.revenue, 0) as revenue,
    coalesce(earned.revenue_before, 0) as revenue_before,
from participants
left join converted
    on
        participants.experiment = converted.experiment
        and participants.entry_id = converted.entry_id
left join earned
    on
        participants.experiment = earned.experiment
        and participants.entry_id = earned.entry_id
left join sends
    on
        participants.flow = sends.flow
        and participants.step = sends.step
        and participants.entry_id = sends.entry_id
