with

messages as (
    select * from {{ ref('int_messages_due') }}
),

recommended as (
    select * from {{ ref('int_products_recommended') }}
),

entries as (
    select * from {{ ref('flow_entries') }}
),

exits as (
    select * from {{ ref('int_flow_exits') }}
),

profiles as (
    select * from {{ ref('profiles') }}
),

identifiers as (
    select
        profile_id,
        identifier_type as type,
        identifier as value,
    from {{ ref('int_flow_identifiers') }}
),

counted_exits as (
    select
        messages.message_id,
        exits.signal,
        {{ exit_counts_after('messages') }} as counts_after,
        {{ exit_counts_until('messages') }} as counts_until,
    from messages
    inner join exits on messages.flow = exits.flow
),

exit_signals as (
    select
        message_id,
        {{ json_list(
            json_object(['signal', 'counts_after', 'counts_until']),
            order_by='signal, counts_after',
        ) }} as signals,
    from counted_exits
    group by message_id
),

known_as as (
    select
        messages.message_id,
        {{ json_list(
            json_object(['type', 'value']), order_by='type, value'
        ) }} as identifiers,
    from messages
    inner join identifiers on messages.person_id = identifiers.profile_id
    group by messages.message_id
),

profile_fields as (
    select
        profile_id,
        {{ json_object([
            'profile_id', 'email', 'phone', 'first_name', 'last_name', 'locale',
            'country', 'time_zone', 'tier', 'birthday', 'favourite_category',
            'order_count', 'total_revenue', 'last_ordered_at', 'traits',
        ]) }} as fields,
    from profiles
    where profile_id in (select messages.person_id from messages)
),

contents as (
    select
        messages.message_id,
        messages.flow,
        messages.step,
        profile_fields.fields as profile,
        coalesce(entries.context, cast('{}' as json)) as entry,
        coalesce(messages.payload, cast('{}' as json)) as payload,
        coalesce(recommended.recommendations, cast('[]' as json)) as recommendations,
    from messages
    left join profile_fields on messages.person_id = profile_fields.profile_id
    left join recommended on messages.person_id = recommended.person_id
    left join entries
        on messages.flow = entries.flow
        and messages.entry_id = entries.entry_id
),

contexts as (
    select
        message_id,
        {{ json_object([
            'flow', 'step', 'profile', 'entry', 'payload', 'recommendations',
        ]) }} as context,
    from contents
)

select
    messages.message_id,
    messages.kind,
    messages.flow,
    messages.step,
    messages.entry_id,
    messages.profile_id,
    messages.person_id,
    messages.channel,
    messages.address,
    messages.template,
    messages.variant,
    messages.message_class,
    messages.priority,
    messages.entered_at,
    messages.decided_at,
    messages.due_at,
    messages.expires_at,
    messages.quiet_from,
    messages.exited_at,
    messages.consent_id,
    coalesce(exit_signals.signals, cast('[]' as json)) as exit_signals,
    coalesce(known_as.identifiers, cast('[]' as json)) as identifiers,
    contexts.context,
from messages
inner join contexts on messages.message_id = contexts.message_id
left join exit_signals on messages.message_id = exit_signals.message_id
left join known_as on messages.message_id = known_as.message_id
