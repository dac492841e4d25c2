-- Quarantined rows.

-- name: save_rejects
-- Quarantined rows, once per task.
insert into rejects (workflow_id, step, partition, ordinal, source, reason, sample, rows)
select *
from unnest(
    $1::uuid[], $2::smallint[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::bigint[]
)
on conflict do nothing

-- name: rejects_by_step
-- How many rows each step has put into quarantine, by reason.
select step, reason, sum(rows)::bigint as rows
from rejects
where workflow_id = $1
group by step, reason

-- name: rejects
-- Quarantined rows in order.
select spec #>> array['steps', step::text, 'name'] as step, partition, source, reason, sample, rows
from rejects
join workflows on workflows.id = workflow_id
join plans on plans.digest = workflows.plan
where workflow_id = $1
order by rejects.step, partition, ordinal

-- name: rejects_page
-- Quarantined rows of some steps, behind one of them.
select step, partition, ordinal, source, reason, sample, rows
from rejects
where workflow_id = $1
    and (step, partition, ordinal) > ($2::smallint, $3::integer, $4::integer)
    and step <= $5::smallint
order by step, partition, ordinal
limit $6
