{#- Columns are compared when the project has changed, not on every tick: a tenth of a tick goes into it.
    Overrides dbt's own reading of `on_schema_change`; `millrace` says `is_tick` when nothing has changed. -#}
{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') -%}
    {{ return('ignore' if var('is_tick', false) else on_schema_change or default) }}
{%- endmacro %}
