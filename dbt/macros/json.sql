{#- The text at a JSON path ('$.a.b'); null when absent. -#}
{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text')(column, path)) }}
{%- endmacro %}
{% macro duckdb__json_text(column, path) -%}
    json_extract_string({{ column }}, '{{ path }}')
{%- endmacro %}

{#- Rows (value, position) of the array at a JSON path, for `cross join … as line(value, position)`. -#}
{% macro json_elements(column, path) -%}
    {{ return(adapter.dispatch('json_elements')(column, path)) }}
{%- endmacro %}
{% macro duckdb__json_elements(column, path) -%}
    unnest(try_cast(json_extract({{ column }}, '{{ path }}') as json[])) with ordinality
{%- endmacro %}

{#- The number at a JSON path as decimal(18, 4); null when absent or no number. -#}
{% macro json_decimal(column, path) -%}
    {{ dbt.safe_cast(json_text(column, path), 'decimal(18, 4)') }}
{%- endmacro %}

{#- One JSON object of columns, under their own names: json_object(['cart_id', 'value']). -#}
{% macro json_object(columns) -%}
    {{ return(adapter.dispatch('json_object')(columns)) }}
{%- endmacro %}
{% macro duckdb__json_object(columns) -%}
    json_object({% for column in columns %}'{{ column }}', {{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#- All values of a group as one JSON list, in a given order. -#}
{% macro json_list(value, order_by) -%}
    {{ return(adapter.dispatch('json_list')(value, order_by)) }}
{%- endmacro %}
{% macro duckdb__json_list(value, order_by) -%}
    to_json(list({{ value }} order by {{ order_by }}))
{%- endmacro %}
