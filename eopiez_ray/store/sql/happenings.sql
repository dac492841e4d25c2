-- What has happened to workflows in a period, read from what was committed. Bounds are $1, included, and $2.

-- name: prefer_indexes
-- Plans of this transaction read no table as a whole where an index finds the latest rows.
select set_config('enable_seqscan', 'off', true)

-- name: fresh_tasks
-- Tasks that were committed, by what they belong to and by the bucket of what they took; $3 is the logarithm of the
-- ratio of buckets.
with counted as (
    select
        workflow_id, step, worker, is_cached,
        case when wall_s > 1e-9 then ceil(ln(least(wall_s, 1e15)) / $3::double precision)::integer else -32768 end
            as bucket,
        count(*) as tasks, sum(wall_s) as wall_s, sum(cpu_s) as cpu_s, sum(rows) as rows, sum(rejects) as rejects,
        sum(size) as bytes, sum(case when inline is null then size else 0 end) as artifact_bytes,
        sum(peak_bytes * wall_s) as byte_s
    from tasks
    where committed_at >= $1
        and committed_at < $2
    group by 1, 2, 3, 4, 5
)
select
    project, owner, plan, step, coalesce(host, '') as node, is_cached, bucket, sum(tasks)::bigint as tasks,
    sum(wall_s)::double precision as wall_s, sum(cpu_s)::double precision as cpu_s, sum(rows)::bigint as rows,
    sum(rejects)::bigint as rejects, sum(bytes)::bigint as bytes, sum(artifact_bytes)::bigint as artifact_bytes,
    sum(byte_s)::double precision as byte_s
from counted
join workflows on workflows.id = workflow_id
left join workers on workers.name = worker
group by 1, 2, 3, 4, 5, 6, 7

-- name: fresh_commits
-- Tasks that were committed, by the bucket of how long after their end that was.
with counted as (
    select workflow_id, step, case
        when late_s > 1e-9 then ceil(ln(least(late_s, 1e15)) / $3::double precision)::integer else -32768
    end as bucket, count(*) as tasks, sum(greatest(late_s, 0)) as late_s
    from (
        select workflow_id, step, extract(epoch from committed_at - started_at)::double precision - wall_s as late_s
        from tasks
        where committed_at >= $1
            and committed_at < $2
            and not is_cached
    ) as late
    group by 1, 2, 3
)
select project, plan, step, bucket, sum(tasks)::bigint as tasks, sum(late_s)::double precision as late_s
from counted
join workflows on workflows.id = workflow_id
group by 1, 2, 3, 4

-- name: fresh_waits
-- One in $3 of the tasks that were committed, by the bucket of how long they waited since their inputs were there. $5
-- to $8 say which steps of which plans take which other ones: a partition that takes the same partition waits for it,
-- others for the whole step.
with wires as materialized (
    select *
    from unnest($5::text[], $6::smallint[], $7::smallint[], $8::boolean[]) as given (plan, step, input, is_same)
),
fresh as materialized (
    select workflow_id, step, partition, tasks.started_at, project, plan, created_at
    from tasks
    join workflows on workflows.id = workflow_id
    where committed_at >= $1
        and committed_at < $2
        and not is_cached
        and partition % $3::integer = 0
),
ready as (
    select fresh.workflow_id, fresh.step, fresh.partition, max(case
        when is_same then coalesce(source.started_at + source.wall_s * interval '1 second', steps.finished_at)
        else steps.finished_at
    end) as at
    from fresh
    join wires using (plan, step)
    left join steps on steps.workflow_id = fresh.workflow_id
        and steps.position = wires.input
    left join tasks as source on is_same
        and source.workflow_id = fresh.workflow_id
        and source.step = wires.input
        and source.partition = fresh.partition
    group by 1, 2, 3
),
waited as (
    select
        project, plan, step,
        extract(epoch from fresh.started_at - greatest(created_at, ready.at))::double precision as wait_s
    from fresh
    left join ready using (workflow_id, step, partition)
)
select project, plan, step, case
    when wait_s > 1e-9 then ceil(ln(least(wait_s, 1e15)) / $4::double precision)::integer else -32768
end as bucket, count(*) as tasks, sum(greatest(wait_s, 0))::double precision as wait_s
from waited
group by 1, 2, 3, 4

-- name: fresh_attempts
-- Attempts without a result, by what they belong to.
select
    project, owner, plan, step, outcome, error_type, retry_at is null and not is_forgiven as is_final,
    count(*) as attempts, sum(greatest(0, extract(epoch from ended_at - attempts.started_at)))::double precision as held_s
from attempts
join workflows on workflows.id = workflow_id
where ended_at >= $1
    and ended_at < $2
group by 1, 2, 3, 4, 5, 6, 7

-- name: fresh_events
-- What happened to workflows. Of one that ended: how long after its creation, and how long after it its first task
-- began. Of one that is paused: how long it drained.
with happened as materialized (
    select workflow_id, id, at, kind, data
    from events
    where at >= $1
        and at < $2
)
select
    project, plan, kind, coalesce((data ->> 'tasks')::bigint, 0) as tasks,
    extract(epoch from at - created_at)::double precision as age_s,
    case when kind in ('succeeded', 'failed', 'cancelled', 'quarantined') then (
        select extract(epoch from min(steps.started_at) - created_at)::double precision
        from steps
        where steps.workflow_id = happened.workflow_id
    ) end as first_task_s,
    case when kind = 'paused' then (
        select extract(epoch from happened.at - max(events.at))::double precision
        from events
        where events.workflow_id = happened.workflow_id
            and events.id <= happened.id
            and events.kind = 'pause_requested'
    ) end as drain_s
from happened
join workflows on workflows.id = workflow_id

-- name: plans_by_digest
-- Plans.
select digest, spec
from plans
where digest = any($1::text[])

-- name: unfinished_counts
-- Workflows that have not ended, by project and status, with the age of the oldest.
select
    projects.name as project, statuses.status, workflows,
    extract(epoch from clock_timestamp() - oldest)::double precision as age_s
from projects
cross join unnest(array['queued', 'running', 'pausing', 'paused', 'cancelling']) as statuses (status)
cross join lateral (
    select count(*) as workflows
    from workflows
    where project = projects.name
        and workflows.status = statuses.status
) as counted
cross join lateral (
    select min(created_at) as oldest
    from (
        select created_at
        from workflows
        where project = projects.name
            and workflows.status = statuses.status
        order by id
        limit 1
    ) as first
) as first

-- name: waiting_steps
-- Steps with work that does not start, by what they wait for.
select project, case
    when reason like '%such a node joins%' then 'node'
    when reason like '%next attempt is in%' then 'retry'
    when reason like '%limit%' then 'limit'
    when reason like 'needs %' then 'resources'
    else 'turn'
end as waits_for, count(*) as steps
from workflows
join steps on workflow_id = workflows.id
where holder is not null
    and steps.status <> 'succeeded'
    and reason <> ''
group by 1, 2

-- name: active_users
-- Users of a project who sent a request in the last $1, by the role that they have, or with a key of the project.
select project, count(distinct user_id) as users
from (
    select memberships.project, memberships.user_id
    from memberships
    join sessions on sessions.user_id = memberships.user_id
    where last_seen_at > now() - $1::interval
    union all
    select project, user_id
    from api_keys
    where last_used_at > now() - $1::interval
) as seen
group by 1
