{#- Rows that share the values of all these columns, which together are the model's key. -#}
{% test unique_together(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count,
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
