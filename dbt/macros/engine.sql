{#- A ledger as the last run left it; no rows before its first run. The parts of an engine are ephemeral models that
    become one statement inside the ledger's own model: it may read itself, but its parts cannot `ref` it.
    `columns` maps what is read to its type. -#}
{% macro ledger_so_far(model, columns) -%}
    {%- set ledger = load_relation(api.Relation.create(
        database=target.database, schema='intermediate', identifier=model)) if execute -%}
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
        'logged_at': 'timestamp',
    }) }}
{%- endmacro %}

{#- Whether an entry is young enough for the engine to know it in detail: a constant bound, so that old parts of the log
    are not read. Entries expire `margin_days` earlier, so that an outage hides no open one. -#}
{% macro is_remembered(entered_at, margin_days=0) -%}
    {{ entered_at }} > {{ hours_ago(24 * (var('flow_memory_days') - margin_days)) }}
{%- endmacro %}

{#- What the guardrails know of their own past. -#}
{% macro send_decisions_so_far() -%}
    {{ ledger_so_far('int_send_decisions', {
        'message_id': 'varchar', 'profile_id': 'varchar', 'channel': 'varchar', 'message_class': 'varchar',
        'status': 'varchar', 'reason': 'varchar', 'decided_at': 'timestamp', 'due_at': 'timestamp',
        'evaluated_at': 'timestamp',
    }) }}
{%- endmacro %}

{#- The run's moment less a number of hours. -#}
{% macro hours_ago(hours) -%}
    {{ add_seconds(as_of(), -3600 * hours) }}
{%- endmacro %}

{#- Whether a local timestamp's clock stands in [starts_at, ends_at), 'HH:MM' both, over midnight if need be. -#}
{% macro is_between_times(local, starts_at, ends_at) -%}
    case
        when cast({{ starts_at }} as time) < cast({{ ends_at }} as time)
            then cast({{ local }} as time) >= cast({{ starts_at }} as time)
                and cast({{ local }} as time) < cast({{ ends_at }} as time)
        else cast({{ local }} as time) >= cast({{ starts_at }} as time)
            or cast({{ local }} as time) < cast({{ ends_at }} as time)
    end
{%- endmacro %}

{#- The first moment from `timestamp` on at which clocks in `time_zone` show `time_of_day` ('HH:MM'), in UTC. -#}
{% macro next_local_time(timestamp, time_of_day, time_zone) -%}
    {%- set local = to_local(timestamp, time_zone) -%}
    {{ from_local(
        "(cast(" ~ local ~ " as date) + cast(" ~ time_of_day ~ " as time)"
        " + case when cast(" ~ local ~ " as time) > cast(" ~ time_of_day ~ " as time)"
        " then interval 1 day else interval 0 day end)",
        time_zone,
    ) }}
{%- endmacro %}

{#- Text of the field of a row (a table alias) that an expression names: traits are known by name only. -#}
{% macro row_field(row, name) -%}
    {{ return(adapter.dispatch('row_field')(row, name)) }}
{%- endmacro %}
{% macro duckdb__row_field(row, name) -%}
    json_extract_string(to_json({{ row }}), '$.' || {{ name }})
{%- endmacro %}

{#- The number that a text says; null when it says none. -#}
{% macro number_or_null(text) -%}
    {{ return(adapter.dispatch('number_or_null')(text)) }}
{%- endmacro %}
{% macro duckdb__number_or_null(text) -%}
    try_cast({{ text }} as double)
{%- endmacro %}

{#- Whether a text stands to a value as the operator says: as numbers when both are, otherwise as texts. -#}
{% macro compares(actual, operator, value) -%}
    {%- set sign = 'coalesce(sign(' ~ number_or_null(actual) ~ ' - ' ~ number_or_null(value) ~ '), case when ' ~ actual ~ ' < ' ~ value ~ ' then -1 when '
        ~ actual ~ ' > ' ~ value ~ ' then 1 when ' ~ actual ~ ' = ' ~ value ~ ' then 0 end)' -%}
    case {{ operator }}
        when 'is_known' then ({{ actual }} is not null) = ({{ value }} = 'true')
        when 'is' then {{ sign }} = 0
        when 'is_not' then coalesce({{ sign }} != 0, true)
        when 'at_least' then {{ sign }} >= 0
        when 'at_most' then {{ sign }} <= 0
        when 'more_than' then {{ sign }} > 0
        when 'less_than' then {{ sign }} < 0
    end
{%- endmacro %}

{#- Whether a message decided then may still wait: twice as long as any message lives, so that a run that died before
    the guardrails is made up for. A constant, so that old parts of ledgers are not read. -#}
{% macro may_be_pending(decided_at) -%}
    {{ decided_at }} > {{ hours_ago(2 * var('longest_message_hours')) }}
{%- endmacro %}

{#- When quiet hours begin next in a zone, in UTC; the run's own moment while they are on. -#}
{% macro quiet_from(time_zone, starts_at, ends_at) -%}
    case
        when {{ is_between_times(to_local(as_of(), time_zone), starts_at, ends_at) }} then {{ as_of() }}
        else {{ next_local_time(as_of(), starts_at, time_zone) }}
    end
{%- endmacro %}
