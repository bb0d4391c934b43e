-- Why people left each flow; those who are still in it have no reason yet.
select
    flow,
    coalesce(exit_reason, 'still in') as exit_reason,
    count(*) as entries,
    round(count(*) / sum(count(*)) over (partition by flow), 4) as share,
from flow_entries
group by flow, coalesce(exit_reason, 'still in')
order by flow, entries desc
