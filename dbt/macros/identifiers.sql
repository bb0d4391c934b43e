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
