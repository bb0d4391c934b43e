{#- Whether a row of an upstream increment is newer than what this model has taken; every row on a full build.
    Taken is what its own rows show, and all that was there when a run of all increments last succeeded: so a model
    about rare events does not read the history again and again in search of one. -#}
{% macro is_new(seen_at='seen_at') -%}
    {%- if is_incremental() -%}
        {{ seen_at }} > (
            select coalesce(max(seen_at), {{ never() }})
            from (
                select seen_at from {{ complete_runs() }}
                union all
                select seen_at from {{ this }} where {{ is_since_complete_run() }}
            ) as taken
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- Whether a row is newer than all that was there when a run of all increments last succeeded. One sub-query alone on
    the right, so that DuckDB does not even read older row groups. -#}
{% macro is_since_complete_run() -%}
    seen_at > (select coalesce(max(complete.seen_at), {{ never() }}) from {{ complete_runs() }} as complete)
{%- endmacro %}

{#- The events to look at for new ones. On a tick the few of `int_events_new`: not only less to read, DuckDB also plans
    joins by the size of the table, and a fifth of a long history would look larger than all customers. -#}
{% macro recent_events() -%}
    {%- set history, recent = ref('int_events'), ref('int_events_new') -%}
    {{ recent if is_incremental() and var('is_tick', false) else history }}
{%- endmacro %}

{#- Whose the identifiers are that may have something new. On a tick the few of `int_identifiers_touched`, found once:
    every model that looked among all identifiers would read and compare millions of texts again. -#}
{% macro touched_identifiers() -%}
    {%- set everybody, touched = ref('int_identifier_profiles'), ref('int_identifiers_touched') -%}
    {{ touched if is_incremental() and var('is_tick', false) else everybody }}
{%- endmacro %}

{#- A moment before all others. -#}
{% macro never() -%}
    cast('1970-01-01 00:00:00' as timestamp)
{%- endmacro %}

{#- A moment after all others. -#}
{% macro ever_after() -%}
    cast('9999-01-01 00:00:00' as timestamp)
{%- endmacro %}

{#- The table with a row per run in which every increment succeeded; kept by the two hooks of dbt_project.yml. -#}
{% macro complete_runs() -%}
    {{ target.database }}.intermediate.complete_runs
{%- endmacro %}

{% macro create_complete_runs() -%}
    create schema if not exists {{ target.database }}.intermediate;
    create table if not exists {{ complete_runs() }} (seen_at timestamp);
{%- endmacro %}

{#- One row more when each model that asks `is_new` was built by this very run. -#}
{% macro note_complete_run(results) -%}
    {%- set built = results | selectattr('status', 'equalto', 'success') | map(attribute='node.unique_id') | list -%}
    {%- set missing = [] -%}
    {%- for node in (graph.nodes.values() if execute else []) if 'macro.millrace.is_new' in node.depends_on.macros -%}
        {%- if node.unique_id not in built %}{% do missing.append(node.unique_id) %}{% endif -%}
    {%- endfor -%}
    {%- if execute and not missing -%}
        insert into {{ complete_runs() }}
        select max(seen_at) from {{ target.database }}.intermediate.int_events
        where seen_at >= (select coalesce(max(complete.seen_at), {{ never() }}) from {{ complete_runs() }} as complete)
    {%- endif -%}
{%- endmacro %}
