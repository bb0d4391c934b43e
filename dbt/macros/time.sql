{#- The moment for which the run computes everything, as a UTC timestamp literal. No model asks what time it is. -#}
{% macro as_of() -%}
    cast('{{ var("as_of") }}' as timestamp)
{%- endmacro %}

{#- `timestamp` plus a number (or expression) of seconds. -#}
{% macro add_seconds(timestamp, seconds) -%}
    {{ return(adapter.dispatch('add_seconds')(timestamp, seconds)) }}
{%- endmacro %}
{% macro duckdb__add_seconds(timestamp, seconds) -%}
    ({{ timestamp }} + to_seconds({{ seconds }}))
{%- endmacro %}

{#- UTC timestamp -> wall-clock time in an IANA zone (daylight saving applied). -#}
{% macro to_local(timestamp, time_zone) -%}
    {{ return(adapter.dispatch('to_local')(timestamp, time_zone)) }}
{%- endmacro %}
{% macro duckdb__to_local(timestamp, time_zone) -%}
    timezone({{ time_zone }}, timezone('UTC', {{ timestamp }}))
{%- endmacro %}

{#- Wall-clock time in an IANA zone -> UTC timestamp. A skipped hour moves forward, a repeated one is its second pass. -#}
{% macro from_local(timestamp, time_zone) -%}
    {{ return(adapter.dispatch('from_local')(timestamp, time_zone)) }}
{%- endmacro %}
{% macro duckdb__from_local(timestamp, time_zone) -%}
    timezone('UTC', timezone({{ time_zone }}, {{ timestamp }}))
{%- endmacro %}

{#- Whether `timestamp` lies in the `days` days up to and including `moment`. With `as_of()` written in the model,
    as the moment, the model is seen to depend on time. -#}
{% macro in_last_days(timestamp, days, moment) -%}
    ({{ timestamp }} > {{ add_seconds(moment, -86400 * days) }} and {{ timestamp }} <= {{ moment }})
{%- endmacro %}
