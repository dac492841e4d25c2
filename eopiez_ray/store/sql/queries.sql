-- name: add_phase
-- Keep a phase's code; equal digests are the same code.
insert into phases (digest, name, version, kind, code)
values ($1, $2, $3, $4, $5)
on conflict do nothing

-- name: phase_code
-- The code of some phases.
select digest, code
from phases
where digest = any($1::text[])

-- name: add_workflow
-- A new workflow waits in the queue.
insert into workflows (id, name, plan, labels)
values ($1, $2, $3, $4)

-- name: add_steps
-- Its steps, none of them begun.
insert into steps (workflow_id, position, name, phase, kind)
select $1, position, name, phase, kind
from unnest($2::smallint[], $3::text[], $4::text[], $5::text[]) as given (position, name, phase, kind)

-- name: add_event
-- A line of the workflow's history.
insert into events (workflow_id, kind, data)
values ($1, $2, $3)

-- name: register_orchestrator
-- A new driver of workflows, and the key of the advisory lock that shows that it lives.
insert into orchestrators (id, host, pid)
values ($1, $2, $3)
returning lock_key

-- name: claim
-- Take workflows that nobody drives: never held, or whose holder's lease ran out or whose session is gone.
-- The lock on the row makes two claimers take different ones; the new epoch fences the old holder.
with claimable as (
    select id
    from workflows
    where status in ('queued', 'running', 'pausing', 'cancelling')
        and ($2::uuid[] is null or id = any($2::uuid[]))
        and (
            holder is null
            or lease_until < clock_timestamp()
            or not exists (
                select from orchestrators
                join pg_locks on locktype = 'advisory'
                    and database = (select oid from pg_database where datname = current_database())
                    and (classid::bigint << 32 | objid::bigint) = lock_key
                where orchestrators.id = holder
            )
        )
    order by id
    limit $4
    for update skip locked
)
update workflows
set holder = $1,
    epoch = epoch + 1,
    lease_until = clock_timestamp() + $3::interval,
    status = case when status = 'queued' then 'running' else status end,
    started_at = coalesce(started_at, clock_timestamp()),
    drained_at = null
from claimable
where workflows.id = claimable.id
returning workflows.id, name, plan, status, epoch

-- name: renew
-- Hold on to workflows; those missing from the answer are lost.
update workflows
set lease_until = clock_timestamp() + $3::interval
from unnest($1::uuid[], $2::bigint[]) as held (id, epoch)
where workflows.id = held.id
    and workflows.epoch = held.epoch
    and workflows.status in ('running', 'pausing', 'cancelling')
returning workflows.id

-- name: fence
-- Those of the given workflows that the writer still holds, locked until the transaction ends.
select workflows.id
from workflows
join unnest($1::uuid[], $2::bigint[]) as held (id, epoch) on workflows.id = held.id and workflows.epoch = held.epoch
order by workflows.id
for update of workflows

-- name: finished_tasks
-- What a claimed workflow has already done.
select step, partition, rows, wall_s, cpu_s, is_cached
from tasks
where workflow_id = $1

-- name: sealed_steps
-- The steps whose number of partitions is known.
select position, partitions
from steps
where workflow_id = $1
    and partitions is not null

-- name: unfinished_tasks
-- Attempts that count against tasks without a result.
select
    step,
    partition,
    count(*) filter (where outcome <> 'lost')::integer as failures,
    count(*) filter (where outcome = 'lost')::integer as losses,
    coalesce(extract(epoch from max(retry_at) filter (where outcome <> 'lost')), 0)::double precision as retry_at
from attempts
where workflow_id = $1
    and not is_forgiven
group by step, partition

-- name: rejects_by_step
-- How many rows each step has put into quarantine.
select step, count(*)
from rejects
where workflow_id = $1
group by step

-- name: save_tasks
-- Finished tasks; the first report of each wins.
insert into tasks (
    workflow_id, step, partition, digest, size, form, inline, rows, rejects, started_at, wall_s, cpu_s, worker, is_cached
)
select workflow_id, step, partition, digest, size, form, inline, rows, rejects, to_timestamp(started_at), wall_s, cpu_s, worker, is_cached
from unnest(
    $1::uuid[], $2::smallint[], $3::integer[], $4::bytea[], $5::bigint[], $6::text[], $7::bytea[], $8::bigint[],
    $9::integer[], $10::double precision[], $11::double precision[], $12::double precision[], $13::text[], $14::boolean[]
) as given (
    workflow_id, step, partition, digest, size, form, inline, rows, rejects, started_at, wall_s, cpu_s, worker, is_cached
)
on conflict do nothing

-- name: save_attempts
-- Attempts without a result.
insert into attempts (workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, retry_at)
select workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, to_timestamp(started_at), to_timestamp(retry_at)
from unnest(
    $1::uuid[], $2::smallint[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::double precision[], $11::double precision[]
) as given (workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, retry_at)

-- name: save_steps
-- Counters and statuses of steps that moved.
update steps
set status = given.status,
    partitions = given.partitions,
    done = given.done,
    running = given.running,
    rows = given.rows,
    rejects = given.rejects,
    cached = given.cached,
    wall_s = given.wall_s,
    cpu_s = given.cpu_s,
    started_at = coalesce(started_at, clock_timestamp()),
    finished_at = case when given.status = 'succeeded' then coalesce(finished_at, clock_timestamp()) end
from unnest(
    $1::uuid[], $2::smallint[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::bigint[], $8::bigint[],
    $9::integer[], $10::double precision[], $11::double precision[]
) as given (workflow_id, position, status, partitions, done, running, rows, rejects, cached, wall_s, cpu_s)
where steps.workflow_id = given.workflow_id
    and steps.position = given.position

-- name: save_rejects
-- Quarantined rows, once a task.
insert into rejects (workflow_id, step, partition, ordinal, source, reason, sample)
select *
from unnest($1::uuid[], $2::smallint[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[])
on conflict do nothing

-- name: save_logs
-- What phases logged and printed.
insert into logs (workflow_id, at, step, partition, level, message)
select workflow_id, to_timestamp(at), step, partition, level, message
from unnest($1::uuid[], $2::double precision[], $3::smallint[], $4::integer[], $5::text[], $6::text[])
    as given (workflow_id, at, step, partition, level, message)

-- name: save_status
-- Where the workflow stands now; at rest nobody holds it.
update workflows
set status = $2,
    error = $3,
    holder = case when $2 in ('paused', 'succeeded', 'failed', 'cancelled') then null else holder end,
    lease_until = case when $2 in ('paused', 'succeeded', 'failed', 'cancelled') then null else lease_until end,
    finished_at = case when $2 in ('succeeded', 'failed', 'cancelled') then clock_timestamp() end,
    drained_at = case when $2 = 'paused' then clock_timestamp() end
where id = $1

-- name: release
-- Give workflows back to the queue's readers, unfinished: another orchestrator may claim them at once.
update workflows
set holder = null,
    lease_until = null
from unnest($1::uuid[], $2::bigint[]) as held (id, epoch)
where workflows.id = held.id
    and workflows.epoch = held.epoch

-- name: lookup_cache
-- Results that equal tasks have left.
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

-- name: lock_workflow
-- A workflow's row, locked, for a request that changes it; is_held says whether a living orchestrator drives it.
select
    id,
    status,
    holder is not null
        and lease_until >= clock_timestamp()
        and exists (
            select from orchestrators
            join pg_locks on locktype = 'advisory'
                and database = (select oid from pg_database where datname = current_database())
                and (classid::bigint << 32 | objid::bigint) = lock_key
            where orchestrators.id = holder
        ) as is_held
from workflows
where id = $1
for update of workflows

-- name: request
-- Ask for a status that the holder will work towards.
update workflows
set status = $2
where id = $1

-- name: requeue
-- Put a workflow at rest back into the queue. The epoch moves, so that nobody who held it before can write.
update workflows
set status = 'queued',
    epoch = epoch + 1,
    holder = null,
    lease_until = null,
    finished_at = null,
    drained_at = null,
    error = null
where id = $1

-- name: forgive
-- Let failed tasks start anew.
update attempts
set is_forgiven = true
where workflow_id = $1
    and not is_forgiven

-- name: settle_unheld
-- Nobody drives it, so nothing is in flight: it is there at once.
update workflows
set status = $2,
    epoch = epoch + 1,
    holder = null,
    lease_until = null,
    finished_at = case when $2 = 'cancelled' then clock_timestamp() end,
    drained_at = case when $2 = 'paused' then clock_timestamp() end
where id = $1

-- name: requested
-- Workflows of an orchestrator that somebody wants paused or cancelled.
select id, status
from workflows
where holder = $1
    and status in ('pausing', 'cancelling')

-- name: workflow
-- One workflow.
select id, name, plan, status, labels, epoch, created_at, started_at, finished_at, drained_at, error
from workflows
where id = $1

-- name: workflows
-- Workflows, newest first.
select id, name, plan, status, labels, epoch, created_at, started_at, finished_at, drained_at, error
from workflows
where ($1::text is null or status = $1)
    and ($2::uuid is null or id < $2)
order by id desc
limit $3

-- name: workflows_by_prefix
-- Workflows whose id begins or ends so, for people who type.
select id
from workflows
where id::text like $1 || '%'
    or id::text like '%' || $1
order by id desc
limit 2

-- name: steps
-- Steps of a workflow, in the order of its plan.
select position, name, phase, kind, status, partitions, done, running, rows, rejects, cached, wall_s, cpu_s, started_at, finished_at
from steps
where workflow_id = $1
order by position

-- name: events
-- History of a workflow after the given event.
select id, at, kind, data
from events
where workflow_id = $1
    and id > $2
order by id
limit $3

-- name: logs
-- Lines that its phases logged, after the given line.
select logs.id, at, steps.name as step, partition, level, message
from logs
join steps on steps.workflow_id = logs.workflow_id and steps.position = logs.step
where logs.workflow_id = $1
    and logs.id > $2
order by logs.id
limit $3

-- name: attempts
-- Attempts that ended without a result, oldest first.
select steps.name as step, partition, attempt, outcome, error_type, message, traceback, worker, attempts.started_at, ended_at, retry_at, is_forgiven
from attempts
join steps on steps.workflow_id = attempts.workflow_id and steps.position = attempts.step
where attempts.workflow_id = $1
order by id

-- name: rejects
-- Quarantined rows in order.
select steps.name as step, partition, source, reason, sample
from rejects
join steps on steps.workflow_id = rejects.workflow_id and steps.position = rejects.step
where rejects.workflow_id = $1
order by rejects.step, partition, ordinal

-- name: task_times
-- When each finished task ran, for a picture of the run.
select step, partition, started_at, wall_s, cpu_s, worker, is_cached
from tasks
where workflow_id = $1
order by started_at
limit $2

-- name: delete_workflow
-- Forget a workflow at rest and all its rows.
delete from workflows
where id = $1
