{#- The `position`-th (from 1) of `parts` equal parts of an amount, exact to `decimals` places: what does not divide
    goes to the first parts, so the parts add up to the amount (largest remainder method). -#}
{% macro split_evenly(amount, decimals, parts, position) -%}
    {%- set units = 'cast(round(' ~ amount ~ ' * 1' ~ '0' * decimals ~ ') as bigint)' -%}
    cast(
        (
            ({{ units }} - mod({{ units }}, {{ parts }})) / {{ parts }}
            + case when {{ position }} <= mod({{ units }}, {{ parts }}) then 1 else 0 end
        ) / 1{{ '0' * decimals }}.0 as decimal(18, {{ decimals }})
    )
{%- endmacro %}

{#- The part of an amount between two shares of it (0 to 1), to `decimals` places: both ends are rounded, so parts that
    meet add up to the amount, and each is right to one unit of the last place. -#}
{% macro part_between(amount, decimals, share_from, share_to) -%}
    cast(
        round(cast({{ amount }} as double) * {{ share_to }}, {{ decimals }})
        - round(cast({{ amount }} as double) * {{ share_from }}, {{ decimals }})
        as decimal(18, {{ decimals }})
    )
{%- endmacro %}
