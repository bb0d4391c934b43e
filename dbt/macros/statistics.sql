{#- Wilson's score interval of a share, 95 %, sign '-' for its lower and '+' for its upper end (Wilson 1927).
    Null without trials. Newcombe's interval of a difference of shares is built from four of these. -#}
{% macro wilson_bound(successes, trials, sign) -%}
    (
        ({{ successes }} + 1.920729) {{ sign }} 1.959964 * sqrt(
            1.0 * {{ successes }} * ({{ trials }} - {{ successes }}) / nullif({{ trials }}, 0) + 0.960365
        )
    ) / (nullif({{ trials }}, 0) + 3.841459)
{%- endmacro %}
