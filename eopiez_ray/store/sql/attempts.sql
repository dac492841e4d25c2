-- Attempts that ended without a result.

-- name: save_attempts
-- Attempts without a result.
insert into attempts (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, retry_at,
    retry_memory_bytes
)
select
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, to_timestamp(started_at),
    to_timestamp(retry_at), retry_memory_bytes
from unnest(
    $1::uuid[], $2::smallint[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::double precision[], $11::double precision[], $12::bigint[]
) as given (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, retry_at,
    retry_memory_bytes
)

-- name: save_interruptions
-- How many tasks were stopped on purpose and requeued.
insert into events (workflow_id, kind, data)
select workflow_id, 'tasks_interrupted', jsonb_build_object('tasks', tasks)
from unnest($1::uuid[], $2::integer[]) as given (workflow_id, tasks)

-- name: save_losses
-- Lost calls of several tasks; it is unknown which task was the cause, and all were requeued.
insert into events (workflow_id, kind, data)
select workflow_id, 'worker_lost', jsonb_build_object('tasks', tasks, 'reason', reason, 'worker', worker)
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) as given (workflow_id, tasks, reason, worker)

-- name: attempts
-- A page of attempts that ended without a result, oldest first after the given one, with where they ran.
with page as (
    select
        id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, ended_at, retry_at,
        retry_memory_bytes, is_forgiven
    from attempts
    where workflow_id = $1
        and id > $2
        and ($3::smallint is null or step = $3)
        and ($4::text is null or worker = $4)
        and (
            ($5::text is null and $6::text is null)
            or worker = any(array(
                select name
                from workers
                where ($5 is null or host = $5)
                    and ($6 is null or node = $6)
            ))
        )
        and ($7::double precision is null or ended_at - started_at > make_interval(secs => $7))
        and ($8::text is null or outcome = $8)
    order by id
    limit $9
)
select page.*, coalesce(node, '') as node, coalesce(host, '') as host, pid, coalesce(actor, '') as actor
from page
left join workers on workers.name = page.worker
order by id

-- name: last_attempts
-- The newest attempts without a result, newest first.
select
    attempts.id, step, partition, attempt, outcome, error_type, message, traceback, worker, attempts.started_at,
    ended_at, retry_at, retry_memory_bytes, is_forgiven, coalesce(node, '') as node, coalesce(host, '') as host, pid,
    coalesce(actor, '') as actor
from attempts
left join workers on workers.name = worker
where workflow_id = $1
order by attempts.id desc
limit $2

-- name: attempt_counts
-- How many attempts of each step ended how, not counting failures that a retry forgave.
select step, outcome, count(*) as attempts
from attempts
where workflow_id = $1
    and not is_forgiven
group by step, outcome
order by step, outcome
