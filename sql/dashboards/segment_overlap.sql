-- How many members two segments share.
with

members as (

    select
        profile_id,
        segment,
    from segment_memberships
    where exited_at is null

)

select
    members.segment,
    others.segment as other_segment,
    count(*) as shared_members,
from members
inner join members as others
    on members.profile_id = others.profile_id and members.segment < others.segment
group by members.segment, others.segment
order by shared_members desc, members.segment, others.segment
