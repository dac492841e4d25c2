-- Outputs of tasks, and results that equal tasks share.

-- name: lookup_cache
-- Cached results of equal tasks.
select key, digest, size, form, inline, rows
from cache
where key = any($1::bytea[])

-- name: save_cache
-- Results for equal tasks to come.
insert into cache (key, digest, size, form, inline, rows)
select *
from unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::text[], $5::bytea[], $6::bigint[])
on conflict do nothing

-- name: forget_cache
-- A cached result whose artifact is gone.
delete from cache
where key = $1

-- name: outputs
-- Outputs of the named tasks.
select tasks.step, tasks.partition, digest, size, form, inline
from tasks
join unnest($2::smallint[], $3::integer[]) as wanted (step, partition) using (step, partition)
where workflow_id = $1

-- name: step_outputs
-- All outputs of a step, in order.
select partition, digest, size, form, inline
from tasks
where workflow_id = $1
    and step = $2
order by partition

-- name: forget_old_cache
-- Drop cached results from before the given moment.
delete from cache
where created_at < $1

-- name: live_digests
-- Artifacts that are still referred to.
select digest
from tasks
where inline is null
union
select digest
from cache
where inline is null
