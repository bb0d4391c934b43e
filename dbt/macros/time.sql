{#- The moment for which the run computes everything, as a UTC timestamp literal. No model asks what time it is. -#}
{% macro as_of() -%}
    cast('{{ var("as_of") }}' as timestamp)
{%- endmacro %}

{#- The moment that a text names, as a UTC timestamp: its offset counts, without one it is UTC; null when it names none. -#}
{% macro moment_or_null(text) -%}
    {{ return(adapter.dispatch('moment_or_null')(text)) }}
{%- endmacro %}
{% macro duckdb__moment_or_null(text) -%}
    timezone('UTC', try_cast({{ text }} as timestamptz))
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

{#- The run's moment less a number of hours. -#}
{% macro hours_ago(hours) -%}
    {{ add_seconds(as_of(), -3600 * hours) }}
{%- endmacro %}

{#- Whether a local timestamp's clock stands in [starts_at, ends_at), 'HH:MM' both, over midnight if need be. -#}
{% macro is_between_times(local, starts_at, ends_at) -%}
    case
        when cast({{ starts_at }} as time) < cast({{ ends_at }} as time)
            then cast({{ local }} as time) >= cast({{ starts_at }} as time)
                and cast({{ local }} as time) < cast({{ ends_at }} as time)
        else cast({{ local }} as time) >= cast({{ starts_at }} as time)
            or cast({{ local }} as time) < cast({{ ends_at }} as time)
    end
{%- endmacro %}

{#- The first moment from `timestamp` on at which clocks in `time_zone` show `time_of_day` ('HH:MM'), in UTC. -#}
{% macro next_local_time(timestamp, time_of_day, time_zone) -%}
    {%- set local = to_local(timestamp, time_zone) -%}
    {{ from_local(
        "(cast(" ~ local ~ " as date) + cast(" ~ time_of_day ~ " as time)"
        " + case when cast(" ~ local ~ " as time) > cast(" ~ time_of_day ~ " as time)"
        " then interval 1 day else interval 0 day end)",
        time_zone,
    ) }}
{%- endmacro %}

{#- The same where a time of day is said, else `timestamp` itself. -#}
{% macro next_local_time_if_any(timestamp, time_of_day, time_zone) -%}
    case
        when {{ time_of_day }} is null then {{ timestamp }}
        else {{ next_local_time(timestamp, time_of_day, time_zone) }}
    end
{%- endmacro %}

{#- When quiet hours begin next in a zone, in UTC; the run's own moment while they are on. -#}
{% macro quiet_from(time_zone, starts_at, ends_at) -%}
    case
        when {{ is_between_times(to_local(as_of(), time_zone), starts_at, ends_at) }} then {{ as_of() }}
        else {{ next_local_time(as_of(), starts_at, time_zone) }}
    end
{%- endmacro %}

{#- Seconds from one timestamp to another. -#}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between')(earlier, later)) }}
{%- endmacro %}
{% macro duckdb__seconds_between(earlier, later) -%}
    date_diff('second', {{ earlier }}, {{ later }})
{%- endmacro %}

{#- A weight that is 1 at age 0 and halves with every `half_life_days`; `age` in seconds. -#}
{% macro half_life_weight(age, half_life_days) -%}
    power(0.5, {{ age }} / {{ 86400.0 * half_life_days }})
{%- endmacro %}

{#- Order of local hours by how good they are; of equally good ones, the nearer to `send_time_fallback_hour` comes first. -#}
{% macro best_hour_first(score, local_hour) -%}
    {{ score }} desc, abs({{ local_hour }} - {{ var('send_time_fallback_hour') }}), {{ local_hour }}
{%- endmacro %}
