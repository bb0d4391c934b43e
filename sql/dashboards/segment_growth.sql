-- Members of each segment, day by day.
select
    segment,
    date,
    member_count,
    entered_count,
    exited_count,
from segment_counts
order by segment, date
