{#- From when on exit signals count for a row of a flow's SQL: its column of that name where its YAML lists one, else its
    entry. -#}
{% macro exits_count_from(flow) -%}
    {%- set flow_model = graph.nodes['model.millrace.' ~ flow] if execute else {'columns': {}} -%}
    {{ 'coalesce(exits_count_from, entered_at)' if 'exits_count_from' in flow_model.columns else 'entered_at' }}
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
