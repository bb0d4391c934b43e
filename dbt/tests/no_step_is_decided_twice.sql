select
    flow,
    entry_id,
    kind,
    step,
    count(*) as row_count,
from {{ ref('int_flow_log') }}
group by flow, entry_id, kind, step
having count(*) > 1
