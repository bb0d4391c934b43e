{#- The value of the group's first row by time; ties go to the smaller id, so that every run agrees. -#}
{% macro first_by(value, time, tie) -%}
    min_by({{ value }}, ({{ time }}, {{ tie }}))
{%- endmacro %}

{#- The value of the group's last row by time; ties go to the greater id. -#}
{% macro last_by(value, time, tie) -%}
    max_by({{ value }}, ({{ time }}, {{ tie }}))
{%- endmacro %}

{#- The greatest `limit` distinct elements of a list, greatest first: a sketch that merges exactly. -#}
{% macro latest_distinct(list, limit) -%}
    list_slice(list_reverse_sort(list_distinct({{ list }})), 1, {{ limit }})
{%- endmacro %}

{#- All values of a group as a list, in a given order. -#}
{% macro list_in_order(value, order_by) -%}
    {{ return(adapter.dispatch('list_in_order')(value, order_by)) }}
{%- endmacro %}
{% macro duckdb__list_in_order(value, order_by) -%}
    list({{ value }} order by {{ order_by }})
{%- endmacro %}
