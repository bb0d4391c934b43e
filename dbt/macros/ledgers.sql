{#- A ledger as the last run left it; no rows before its first run. The parts of an engine are ephemeral models that
    become one statement inside the ledger's own model: it may read itself, but its parts cannot `ref` it.
    What comes before a ledger and must know how far it is reads it this way too. `columns` maps what is read to its
    type. -#}
{% macro ledger_so_far(model, columns, schema='intermediate') -%}
    {%- set ledger = load_relation(api.Relation.create(
        database=target.database, schema=schema, identifier=model)) if execute -%}
    {%- if ledger -%} {{ ledger }} {%- else -%}
        (select {% for column, type in columns.items() -%}
            cast(null as {{ type }}) as {{ column }}{{ ', ' if not loop.last }}
        {%- endfor %} limit 0)
    {%- endif -%}
{%- endmacro %}

{#- What the flow engine knows of its own past. -#}
{% macro flow_log_so_far() -%}
    {{ ledger_so_far('int_flow_log', {
        'flow': 'varchar', 'flow_version': 'varchar', 'entry_id': 'varchar', 'profile_id': 'varchar',
        'entered_at': 'timestamp', 'held_out': 'boolean', 'kind': 'varchar', 'step': 'varchar',
        'logged_at': 'timestamp', 'due_at': 'timestamp', 'exits_count_from': 'timestamp',
    }) }}
{%- endmacro %}

{#- Who came into the flows that are entered once, from the beginning. -#}
{% macro flow_first_entries_so_far() -%}
    {{ ledger_so_far('int_flow_first_entries', {
        'flow': 'varchar', 'entry_id': 'varchar', 'profile_id': 'varchar', 'entered_at': 'timestamp',
    }) }}
{%- endmacro %}

{#- Whether an entry is young enough for the engine to know it in detail: a constant bound, so that old parts of the log
    are not read. Entries expire `margin_days` earlier, so that an outage hides no open one. -#}
{% macro is_remembered(entered_at, margin_days=0) -%}
    {{ entered_at }} > {{ hours_ago(24 * (var('flow_memory_days') - margin_days)) }}
{%- endmacro %}

{#- One more condition on a tick (the project is unchanged, the last run a month old at most): a constant bound, so that
    what is older is not even read. Where it is missing, the other conditions say the same and cost more. -#}
{% macro and_on_ticks(condition) -%}
    {{ 'and ' ~ condition if var('is_tick', false) }}
{%- endmacro %}

{#- What the guardrails know of their own past. -#}
{% macro send_decisions_so_far() -%}
    {{ ledger_so_far('int_send_decisions', {
        'message_id': 'varchar', 'profile_id': 'varchar', 'channel': 'varchar', 'message_class': 'varchar',
        'status': 'varchar', 'reason': 'varchar', 'decided_at': 'timestamp', 'due_at': 'timestamp',
        'evaluated_at': 'timestamp',
    }) }}
{%- endmacro %}

{#- Whether a message decided then may still wait: counted from the last judgement, however long ago that was, twice as
    long as any message lives, so that a run that died before the guardrails is made up for. One sub-query alone on the
    right, so that old parts of ledgers are not read; when the project has changed, they are. -#}
{% macro may_be_pending(decided_at) -%}
    {%- if var('is_tick', false) -%}
    {{ decided_at }} > (
        select {{ add_seconds('coalesce(max(last.evaluated_at), ' ~ never() ~ ')', -7200 * var('longest_message_hours')) }}
        from {{ send_decisions_so_far() }} as last
    )
    {%- else -%} {{ decided_at }} is not null {%- endif -%}
{%- endmacro %}

{#- The stays in segments that earlier runs have seen. -#}
{% macro segment_memberships_so_far() -%}
    {{ ledger_so_far('segment_memberships', {'seen_at': 'timestamp'}, schema='segments') }}
{%- endmacro %}
