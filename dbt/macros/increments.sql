{#- Whether a row of an upstream increment arrived after what this model has already taken; every row on a full build. -#}
{% macro is_new(seen_at='seen_at') -%}
    {%- if is_incremental() -%}
        {{ seen_at }} > (select coalesce(max(seen_at), {{ never() }}) from {{ this }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- A moment before all others. -#}
{% macro never() -%}
    cast('1970-01-01 00:00:00' as timestamp)
{%- endmacro %}
