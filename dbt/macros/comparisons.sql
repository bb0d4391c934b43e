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
