-- Share of each monthly cohort that ordered again, by months since the first order.
select
    cohort_month,
    month_number,
    customer_count,
    customer_count / first_value(customer_count) over (
        partition by cohort_month order by month_number
    ) as retained_share,
    revenue,
from cohorts
order by cohort_month, month_number
