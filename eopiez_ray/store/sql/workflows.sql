-- Workflows: created, found and forgotten.

-- name: add_workflows
-- New workflows: held at once by the orchestrator named, or waiting in the queue. Those whose owner has used the
-- idempotency key before in the project are left out of the answer, and those whose project does not exist.
with added as (
    insert into workflows (
        id, project, name, plan, status, owner, priority, labels, idempotency_key, epoch, holder, started_at,
        traceparent
    )
    select
        id, project, name, plan, case when holder is null then 'queued' else 'running' end, owner, priority, labels,
        idempotency_key, case when holder is null then 0 else 1 end, holder,
        case when holder is not null then clock_timestamp() end, traceparent
    from unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::jsonb[], $8::text[], $9::uuid[],
        $10::text[]
    ) as given (id, project, name, plan, owner, priority, labels, idempotency_key, holder, traceparent)
    where project in (select projects.name from projects)
    on conflict (project, owner, idempotency_key) where idempotency_key is not null do nothing
    returning id, project, labels, holder
),
labelled as (
    insert into workflow_labels (project, label, workflow_id)
    select distinct project, hashtextextended(key || '=' || value, 0), id
    from added
    cross join jsonb_each_text(labels)
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
    id, project, workflows.name, spec::text as spec_json, plan_version, status, owner, priority, labels, epoch, workflows.created_at,
    started_at, finished_at, drained_at, error, request, frozen_s,
    coalesce(split_part(traceparent, '-', 2), replace(id::text, '-', '')) as trace_id,
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
    and ($2::text[] is null or project = any($2))

-- name: workflows
-- The given workflows with their plans.
select
    id, project, workflows.name, spec::text as spec_json, plan_version, status, owner, priority, labels, epoch, workflows.created_at,
    started_at, finished_at, drained_at, error, request, frozen_s,
    coalesce(split_part(traceparent, '-', 2), replace(id::text, '-', '')) as trace_id,
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
where id = any($1::uuid[])

-- name: workflow_ids
-- The ids of the workflows that meet all conditions, in order of their age, from some id on. They are looked up by one
-- of their labels, or else by project and status: in either index they are in order, so that a page of them costs as
-- much among a million as among a hundred. Rows are compared as a whole because no other index has this order: the
-- planner would expect to meet 50 soon by the primary key, and read all of them if there are none.
with wanted as (
    select projects.name as project
    from projects
    where $1::text[] is null
        or projects.name = any($1)
),
matching as not materialized (
    select id, project, status
    from workflows
    where ($2::text[] is null or status = any($2))
        and labels @> $3::jsonb
        and ($4::text is null or owner = $4)
        and ($5::text is null or name = $5)
        and ($6::text is null or plan = $6)
        and ($7::timestamptz is null or created_at >= $7)
        and ($8::timestamptz is null or created_at < $8)
        and ($9::text is null or error ->> 'error_type' = $9)
        and ($10::text is null or starts_with(name, $10) or starts_with(id::text, lower($10)))
),
found as (
    select first.id
    from wanted
    cross join unnest(
        coalesce(
            $2,
            '{queued,running,pausing,paused,succeeded,failed,cancelling,cancelled,quarantined}'::text[]
        )
    ) as given (status)
    cross join lateral (
        (
            select id
            from matching
            where $11::text is null
                and not $12::boolean
                and (project, status, id) > (wanted.project, given.status, $13::uuid)
                and (project, status, id) < (wanted.project, given.status, $14::uuid)
            order by project desc, status desc, id desc
            limit $15
        )
        union all
        (
            select id
            from matching
            where $11 is null
                and $12
                and (project, status, id) > (wanted.project, given.status, $13)
                and (project, status, id) < (wanted.project, given.status, $14)
            order by project, status, id
            limit $15
        )
    ) as first
    union all
    select first.id
    from wanted
    cross join lateral (
        (
            select workflow_id as id
            from workflow_labels as labels
            cross join lateral (
                select
                from matching
                where id = workflow_id
                offset 0 -- One by one, by the primary key, whatever the planner expects.
            ) as kept
            where $11 is not null
                and not $12
                and (labels.project, label, workflow_id) > (wanted.project, hashtextextended($11, 0), $13)
                and (labels.project, label, workflow_id) < (wanted.project, hashtextextended($11, 0), $14)
            order by labels.project desc, label desc, workflow_id desc
            limit $15
        )
        union all
        (
            select workflow_id as id
            from workflow_labels as labels
            cross join lateral (
                select
                from matching
                where id = workflow_id
                offset 0 -- One by one, by the primary key, whatever the planner expects.
            ) as kept
            where $11 is not null
                and $12
                and (labels.project, label, workflow_id) > (wanted.project, hashtextextended($11, 0), $13)
                and (labels.project, label, workflow_id) < (wanted.project, hashtextextended($11, 0), $14)
            order by labels.project, label, workflow_id
            limit $15
        )
    ) as first
)
select id
from found
order by case when $12 then id end, id desc
limit $15

-- name: rarest_label
-- The label by which to look for workflows, null if looking by status is better: whatever reaches furthest back with as
-- many workflows as given is rarest.
with wanted as (
    select projects.name as project
    from projects
    where $1::text[] is null
        or projects.name = any($1)
),
reaches as (
    select
        given.label,
        (
            select last.id
            from wanted
            cross join lateral (
                select workflow_id as id
                from workflow_labels as labels
                where (labels.project, labels.label, workflow_id)
                        > (wanted.project, hashtextextended(given.label, 0), $5::uuid)
                    and (labels.project, labels.label, workflow_id)
                        < (wanted.project, hashtextextended(given.label, 0), $6::uuid)
                order by labels.project desc, labels.label desc, workflow_id desc
                offset $4
                limit 1
            ) as last
            order by last.id desc
            limit 1
        ) as reach
    from unnest($3::text[]) as given (label)
    union all
    select
        null,
        (
            select last.id
            from wanted
            cross join unnest($2::text[]) as given (status)
            cross join lateral (
                select id
                from workflows
                where (workflows.project, workflows.status, id) > (wanted.project, given.status, $5)
                    and (workflows.project, workflows.status, id) < (wanted.project, given.status, $6)
                order by workflows.project desc, workflows.status desc, id desc
                offset $4
                limit 1
            ) as last
            order by last.id desc
            limit 1
        )
    where $2 is not null
)
select label
from reaches
order by reach nulls first, label nulls last
limit 1

-- name: statuses
-- The statuses of workflows.
select id, status
from workflows
where id = any($1::uuid[])
    and ($2::text[] is null or project = any($2))

-- name: workflows_by_prefix
-- Workflows whose id begins or ends this way, for people who type.
select id
from workflows
where (id::text like $1 || '%' or id::text like '%' || $1)
    and ($2::text[] is null or project = any($2))
order by id desc
limit 2

-- name: delete_workflow
-- Forget a workflow at rest and all its rows.
with forgotten as (
    delete from workflows
    where id = $1
        and status in ('paused', 'succeeded', 'failed', 'cancelled', 'quarantined')
    returning id, project, labels
),
forgotten_labels as (
    delete from workflow_labels
    using forgotten, jsonb_each_text(labels)
    where workflow_labels.project = forgotten.project
        and label = hashtextextended(key || '=' || value, 0)
        and workflow_id = id
),
forgotten_steps as (delete from steps where workflow_id in (select id from forgotten)),
forgotten_tasks as (delete from tasks where workflow_id in (select id from forgotten)),
forgotten_attempts as (delete from attempts where workflow_id in (select id from forgotten)),
forgotten_events as (delete from events where workflow_id in (select id from forgotten)),
forgotten_logs as (delete from logs where workflow_id in (select id from forgotten)),
forgotten_lines as (delete from log_lines where workflow_id in (select id from forgotten) and part = 'task'),
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
