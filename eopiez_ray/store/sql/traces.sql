-- Finished work as it is exported to a collector of traces. Bounds of a period are $1, included, and $2.

-- name: begin_tracing
-- Export what happens from now on, if nothing was ever exported.
insert into tracing (through)
values (clock_timestamp())
on conflict do nothing

-- name: trace_window
-- Up to when work is exported, and until when all that happens is committed, as in begin_fold; $1 is how long a
-- transaction may take. What is older than $2 is left out.
select greatest(through, clock_timestamp() - $2::interval) as through, (
    select least(clock_timestamp(), min(xact_start)) - interval '50 milliseconds'
    from pg_stat_activity
    where datname = current_database()
        and pid <> pg_backend_pid()
        and backend_type = 'client backend'
        and xact_start > clock_timestamp() - $1::interval
        and (backend_xid is not null or xact_start > clock_timestamp() - interval '10 seconds')
) as horizon
from tracing

-- name: end_trace_window
-- What has happened until $1 is exported.
update tracing
set through = greatest(through, $1)

-- name: idle_trace_period
-- Until when, from $1 to at most $2, nothing happened that could be exported. Periods are tried that grow fourfold, from
-- ten seconds to a week: each is known to be busy by its first row.
select coalesce(max(until), $1)
from (
    select least($2, $1::timestamptz + interval '10 seconds' * power(4, growth)) as until
    from generate_series(0, 8) as growth
) as periods
where not exists (select from events where at >= $1 and at < until)
    and not exists (select from tasks where committed_at >= $1 and committed_at < until)
    and not exists (select from attempts where ended_at >= $1 and ended_at < until)

-- name: traced_tasks
-- Tasks that were committed.
select
    workflow_id, project, name, traceparent, plan, step, partition, tasks.started_at,
    tasks.started_at + make_interval(secs => wall_s) as ended_at, worker, is_cached, tasks.rows, rejects
from tasks
join workflows on workflows.id = workflow_id
where committed_at >= $1
    and committed_at < $2

-- name: traced_attempts
-- Attempts that ended without a result. What their errors say stays here: it may be encrypted.
select
    workflow_id, project, name, traceparent, plan, step, partition, attempt, attempts.started_at, ended_at, worker,
    outcome, error_type
from attempts
join workflows on workflows.id = workflow_id
where ended_at >= $1
    and ended_at < $2

-- name: traced_workflows
-- Workflows that ended.
select distinct
    workflows.id as workflow_id, project, name, traceparent, plan, created_at as started_at, at as ended_at,
    kind as status
from events
join workflows on workflows.id = workflow_id
where at >= $1
    and at < $2
    and kind in ('succeeded', 'failed', 'cancelled', 'quarantined')

-- name: traced_steps
-- Steps of workflows that have begun; one without an end was under way when its workflow ended.
select
    workflow_id, project, name, traceparent, plan, position as step, steps.status, steps.started_at,
    coalesce(steps.finished_at, workflows.finished_at, steps.started_at) as ended_at, partitions, done
from steps
join workflows on workflows.id = workflow_id
where workflow_id = any($1::uuid[])
    and steps.started_at is not null

-- name: traced_holds
-- Who has driven workflows that were taken up more than once: from each claim to the next one, or until they rested.
-- There is no claim where whoever created a workflow held it from the start.
with marks as (
    select workflow_id, id, at, kind, (data ->> 'epoch')::bigint as epoch, data ->> 'by' as orchestrator
    from events
    where workflow_id = any($1::uuid[])
        and kind in ('claimed', 'paused', 'succeeded', 'failed', 'cancelled', 'quarantined')
    union all
    select id, 0, started_at, 'claimed', 1, null
    from workflows
    where id = any($1::uuid[])
        and started_at is not null
        and not exists (
            select from events
            where workflow_id = workflows.id
                and kind = 'claimed'
                and data ->> 'epoch' = '1'
        )
),
holds as (
    select
        workflow_id, id, at, kind, epoch, orchestrator,
        lead(at) over in_order as until,
        lead(kind) over in_order as ended_by
    from marks
    window in_order as (partition by workflow_id order by id)
)
select
    workflow_id, project, name, traceparent, plan, holds.epoch, orchestrator, at as started_at,
    until as ended_at, ended_by
from holds
join workflows on workflows.id = workflow_id
where kind = 'claimed'
    and until is not null
    and workflows.epoch > 1

-- name: traceparents
-- What workflows were created with.
select id, traceparent
from workflows
where id = any($1::uuid[])
