{#- What dbt's `safe_cast` promises, null instead of an error; dbt-duckdb leaves it a plain cast. dbt looks in this project
    first: a value that nobody expected costs itself, not the run. -#}
{% macro duckdb__safe_cast(field, type) -%}
    try_cast({{ field }} as {{ type }})
{%- endmacro %}
