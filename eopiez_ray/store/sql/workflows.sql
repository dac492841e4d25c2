-- Workflows: created, found and forgotten.

-- name: add_workflows
-- New workflows: held at once by the orchestrator named, or waiting in the queue. Those whose owner has used the
-- idempotency key before in the project are left out of the answer.
with added as (
    insert into workflows (
        id, project, name, plan, status, owner, priority, labels, idempotency_key, epoch, holder, started_at
    )
    select
        id, project, name, plan, case when holder is null then 'queued' else 'running' end, owner, priority, labels,
        idempotency_key, case when holder is null then 0 else 1 end, holder,
        case when holder is not null then clock_timestamp() end
    from unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::jsonb[], $8::text[], $9::uuid[]
    ) as given (id, project, name, plan, owner, priority, labels, idempotency_key, holder)
    on conflict (project, owner, idempotency_key) where idempotency_key is not null do nothing
    returning id, holder
),
history as (
    insert into events (workflow_id, kind)
    select id, 'created'
    from added
)
select id, case when holder is null then pg_notify('eopiez_work', id::text) end
from added

-- name: idempotent_workflow
-- The workflow that an owner created in a project with this key.
select id, plan
from workflows
where project = $1
    and owner = $2
    and idempotency_key = $3

-- name: workflow
-- One workflow with its plan.
select
    id, project, workflows.name, spec, plan_version, status, owner, priority, labels, epoch, workflows.created_at,
    started_at, finished_at, drained_at, error, request, frozen_s,
    case
        when status in ('pausing', 'cancelling') then (
            select coalesce(sum(running), 0)
            from steps
            where workflow_id = workflows.id
        )
        else 0
    end as in_flight
from workflows
join plans on plans.digest = workflows.plan
where id = $1

-- name: workflows
-- Workflows with their plans, newest first.
select
    id, project, workflows.name, spec, plan_version, status, owner, priority, labels, epoch, workflows.created_at,
    started_at, finished_at, drained_at, error, request, frozen_s,
    case
        when status in ('pausing', 'cancelling') then (
            select coalesce(sum(running), 0)
            from steps
            where workflow_id = workflows.id
        )
        else 0
    end as in_flight
from workflows
join plans on plans.digest = workflows.plan
where ($1::text is null or status = $1)
    and ($2::uuid is null or id < $2)
order by id desc
limit $3

-- name: statuses
-- The statuses of workflows.
select id, status
from workflows
where id = any($1::uuid[])

-- name: workflows_by_prefix
-- Workflows whose id begins or ends this way, for people who type.
select id
from workflows
where id::text like $1 || '%'
    or id::text like '%' || $1
order by id desc
limit 2

-- name: delete_workflow
-- Forget a workflow at rest and all its rows.
with forgotten as (
    delete from workflows
    where id = $1
        and status in ('paused', 'succeeded', 'failed', 'cancelled', 'quarantined')
    returning id
),
forgotten_steps as (delete from steps where workflow_id in (select id from forgotten)),
forgotten_tasks as (delete from tasks where workflow_id in (select id from forgotten)),
forgotten_attempts as (delete from attempts where workflow_id in (select id from forgotten)),
forgotten_events as (delete from events where workflow_id in (select id from forgotten)),
forgotten_logs as (delete from logs where workflow_id in (select id from forgotten)),
forgotten_rejects as (delete from rejects where workflow_id in (select id from forgotten))
select id
from forgotten

-- name: forgettable
-- Workflows that ended before the given moment, the newest of all that ended left out.
select id
from (
    select id, finished_at, row_number() over (order by id desc) as place
    from workflows
    where status in ('succeeded', 'failed', 'cancelled', 'quarantined')
) as ended
where place > $2
    and finished_at < $1
