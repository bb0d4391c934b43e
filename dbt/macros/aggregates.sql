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

{#- Lines of a group as a sorted list of (product_id, quantity): state that merges exactly, whatever the batches. -#}
{% macro list_of_lines(product_id, quantity) -%}
    {{ return(adapter.dispatch('list_of_lines')(product_id, quantity)) }}
{%- endmacro %}
{% macro duckdb__list_of_lines(product_id, quantity) -%}
    list_sort(list({'product_id': {{ product_id }}, 'quantity': {{ quantity }}}))
{%- endmacro %}

{#- What is in either of two lists, sorted; null when both are null. -#}
{% macro both_lists(one, other) -%}
    {{ return(adapter.dispatch('both_lists')(one, other)) }}
{%- endmacro %}
{% macro duckdb__both_lists(one, other) -%}
    case
        when {{ one }} is null then {{ other }}
        when {{ other }} is null then {{ one }}
        else list_sort(list_concat({{ one }}, {{ other }}))
    end
{%- endmacro %}
