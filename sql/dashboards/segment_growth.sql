-- Members of each segment, day by day from its first; days on which nobody was in it are there with 0.
select
    segment,
    date,
    member_count,
    entered_count,
    exited_count,
from segment_counts
order by segment, date
