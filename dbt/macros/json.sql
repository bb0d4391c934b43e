{#- The text at a JSON path ('$.a.b'); null when absent. -#}
{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text')(column, path)) }}
{%- endmacro %}
{% macro duckdb__json_text(column, path) -%}
    json_extract_string({{ column }}, '{{ path }}')
{%- endmacro %}

{#- The array at a JSON path as a list; null when absent or no array. -#}
{% macro json_array(column, path) -%}
    {{ return(adapter.dispatch('json_array')(column, path)) }}
{%- endmacro %}
{% macro duckdb__json_array(column, path) -%}
    try_cast(json_extract({{ column }}, '{{ path }}') as json[])
{%- endmacro %}

{#- Rows (value, position) of a list, for `cross join … as line(value, position)`. Make the list in an earlier CTE:
    unnesting an expression over JSON costs seven times as much. -#}
{% macro list_elements(list) -%}
    {{ return(adapter.dispatch('list_elements')(list)) }}
{%- endmacro %}
{% macro duckdb__list_elements(list) -%}
    unnest({{ list }}) with ordinality
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

{#- Keys and values (as JSON, null for null) of a JSON object as a list of (key, value); null when it is no object. -#}
{% macro json_members(column) -%}
    {{ return(adapter.dispatch('json_members')(column)) }}
{%- endmacro %}
{% macro duckdb__json_members(column) -%}
    map_entries(try_cast({{ column }} as map(varchar, json)))
{%- endmacro %}

{#- One JSON object of a group's keys and values (JSON as text), in the order of the keys. -#}
{% macro json_object_of(key, value) -%}
    {{ return(adapter.dispatch('json_object_of')(key, value)) }}
{%- endmacro %}
{% macro duckdb__json_object_of(key, value) -%}
    to_json(map_from_entries(list(({{ key }}, cast({{ value }} as json)) order by {{ key }})))
{%- endmacro %}
