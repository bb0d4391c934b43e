{#- One identifier out of several columns: md5 hex of their text joined by '|', nulls as ''. Equal in all warehouses. -#}
{% macro hash_id(columns) -%}
    md5({% for column in columns %}coalesce(cast({{ column }} as varchar), ''){% if not loop.last %} || '|' || {% endif %}{% endfor %})
{%- endmacro %}

{#- A number in [0, 1) that is the same for ever for a (salt, id): the randomness of hold-outs and A/B arms.
    First eight hex digits of md5(salt || ':' || id) over 2^32. -#}
{% macro bucket(salt, id) -%}
    ({{ adapter.dispatch('hex_to_integer')("substr(md5(" ~ salt ~ " || ':' || " ~ id ~ "), 1, 8)") }} / 4294967296.0)
{%- endmacro %}
{% macro duckdb__hex_to_integer(hex) -%}
    cast('0x' || {{ hex }} as bigint)
{%- endmacro %}

{#- The opaque id of an identifier: null when its value is null. -#}
{% macro identifier_id(type, value) -%}
    case when {{ value }} is not null then {{ hash_id(["'" ~ type ~ "'", value]) }} end
{%- endmacro %}

{#- A phone number as E.164 when it is written internationally (+49 …, 0049 …), otherwise its digits. -#}
{% macro normal_phone(phone) -%}
    case
        when trim({{ phone }}) like '+%' then '+' || regexp_replace({{ phone }}, '[^0-9]', '', 'g')
        when trim({{ phone }}) like '00%' then '+' || substr(regexp_replace({{ phone }}, '[^0-9]', '', 'g'), 3)
        else nullif(regexp_replace({{ phone }}, '[^0-9]', '', 'g'), '')
    end
{%- endmacro %}
