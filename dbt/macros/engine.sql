{#- A ledger as it was before this run: the model's own rows, none on the first run.
    `columns` maps each column that the model reads to its type. -#}
{% macro rows_so_far(columns) -%}
    {%- if is_incremental() -%}
        (select {{ columns.keys() | join(', ') }} from {{ this }})
    {%- else -%}
        (select
            {%- for column, type in columns.items() %} cast(null as {{ type }}) as {{ column }}
            {%- if not loop.last %},{% endif %}{% endfor %}
        limit 0)
    {%- endif -%}
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
