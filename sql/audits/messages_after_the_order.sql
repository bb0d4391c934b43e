-- Must be empty: messages sent although the person had left the flow before.
select
    sends.message_id,
    sends.flow,
    sends.step,
    sends.sent_at,
    flow_entries.exited_at,
    flow_entries.exit_reason,
from sends
inner join flow_entries
    on sends.flow = flow_entries.flow and sends.entry_id = flow_entries.entry_id
where
    sends.sent_at > flow_entries.exited_at
    and flow_entries.exit_reason not in ('completed', 'expired', 'flow_changed')
order by sends.sent_at
