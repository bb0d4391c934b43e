{#- From when on exit signals count for a row of a flow's SQL: its column of that name where its YAML lists one, else its
    entry. -#}
{% macro exits_count_from(flow) -%}
    {%- set flow_model = graph.nodes['model.millrace.' ~ flow] if execute else {'columns': {}} -%}
    {{ 'coalesce(exits_count_from, entered_at)' if 'exits_count_from' in flow_model.columns else 'entered_at' }}
{%- endmacro %}

{#- Of the entries of a relation (profile_id, entered_at) that read of orders, `exits_count_from`: a week before, because
    orders of a till or a partner come days late; after what is known of these days by now, which has been looked at: an
    order that was cancelled, or completed again, has not ended the pause. -#}
{% macro late_orders_count_from(entries) -%}
    select
        entries.profile_id,
        entries.entered_at,
        coalesce(max(signals.occurred_at), {{ add_seconds('entries.entered_at', -7 * 86400) }}) as exits_count_from,
    from {{ entries }} as entries
    left join {{ ref('profile_identifiers') }} as identifiers on entries.profile_id = identifiers.profile_id
    left join {{ ref('int_signals') }} as signals
        on identifiers.identifier_id = signals.identifier_id
        and signals.signal = 'ordered'
        and {{ in_last_days('signals.occurred_at', 7, 'entries.entered_at') }}
        and {{ in_last_days('signals.occurred_at', 9, as_of()) }}
    group by entries.profile_id, entries.entered_at
{%- endmacro %}

{#- After which moment a row of `int_flow_exits` counts for an entry: a goal after the entry, any other signal after what
    the flow calls `exits_count_from`. -#}
{% macro exit_counts_after(entry) -%}
    case exits.reason when 'goal' then {{ entry }}.entered_at else {{ entry }}.exits_count_from end
{%- endmacro %}

{#- Until when it counts; null for ever. -#}
{% macro exit_counts_until(entry) -%}
    {{ add_seconds(entry ~ '.entered_at', 'exits.within_seconds') }}
{%- endmacro %}

{#- Whether a signal of that moment is such an exit, as far as the run may know. -#}
{% macro is_exit(occurred_at, entry) -%}
    {{ occurred_at }} > {{ exit_counts_after(entry) }}
    and {{ occurred_at }} <= coalesce({{ exit_counts_until(entry) }}, {{ as_of() }})
    and {{ occurred_at }} <= {{ as_of() }}
{%- endmacro %}

{#- The messages (message_id, exited_at) that must not go any more: their flow has ended for the person since `known_at`,
    a column of theirs, up to which somebody has looked before. A whole query, because messages are looked at twice: when
    they are put on the list, and as long as they wait there. -#}
{% macro exited_messages(messages, known_at) -%}
    with

    -- for people who were joined with others since
    joined as (
        select messages.message_id
        from {{ messages }} as messages
        inner join {{ ref('int_flow_identifiers') }} as identifiers
            on messages.person_id = identifiers.profile_id
            and messages.{{ known_at }} < identifiers.moved_at
    ),

    -- of whom nobody knew yet to be the same person, and when the project has changed, everything is looked at again
    read_from as (
        select messages.{{ known_at }} as moment from {{ messages }} as messages
        union all
        select messages.exits_count_from as moment
        from {{ messages }} as messages
        where
            true
            {{ and_on_ticks('messages.message_id in (select joined.message_id from joined)') }}
    ),

    recent_signals as (
        select * from {{ ref('int_profile_signals') }}
        where seen_at > (
            select coalesce(min(messages.{{ known_at }}), {{ ever_after() }}) from {{ messages }} as messages
        )
        union all
        select * from {{ ref('int_profile_signals') }}
        where occurred_at > (
            select coalesce(min(read_from.moment), {{ ever_after() }}) from read_from
        )
    ),

    exited as (
        select
            messages.message_id,
            recent_signals.occurred_at as exited_at,
        from {{ messages }} as messages
        inner join {{ ref('int_flow_exits') }} as exits on messages.flow = exits.flow
        inner join recent_signals
            on messages.person_id = recent_signals.profile_id
            and exits.signal = recent_signals.signal
            and {{ is_exit('recent_signals.occurred_at', entry='messages') }}
        union all
        -- of two entries of one person the other goes on
        select
            messages.message_id,
            log.logged_at as exited_at,
        from {{ messages }} as messages
        inner join {{ ref('int_flow_log') }} as log
            on messages.flow = log.flow
            and messages.entry_id = log.entry_id
            and log.reason = 'merged'
        where log.logged_at > (
            select coalesce(min(messages.{{ known_at }}), {{ ever_after() }}) from {{ messages }} as messages
        )
        union all
        -- nobody knows which of the two it was meant for
        select
            messages.message_id,
            unlinked.unlinked_at as exited_at,
        from {{ messages }} as messages
        inner join {{ ref('int_profiles_unlinked') }} as unlinked
            on messages.person_id = unlinked.profile_id
            and messages.entered_at between unlinked.linked_at and unlinked.unlinked_at
    )

    select
        message_id,
        min(exited_at) as exited_at,
    from exited
    group by message_id
{%- endmacro %}
