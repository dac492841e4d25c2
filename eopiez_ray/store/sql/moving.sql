-- Workflows on their way to another system. Rows travel as JSON objects with the names of their columns; what belongs to
-- this system alone, ids of its sequences and who holds what, stays here.

-- name: departing_ids
-- Workflows of a project.
select id
from workflows
where project = $1
order by id

-- name: departing_workflows
-- Some workflows.
select to_jsonb(workflows) - '{holder,epoch}'::text[] as row
from workflows
where id = any($1::uuid[])
order by id

-- name: departing_plans
-- Plans that some workflows follow, or will follow.
select to_jsonb(plans) - 'created_at' as row
from plans
where digest in (
    select unnest(array[plan, wanted_plan])
    from workflows
    where id = any($1::uuid[])
)
order by digest

-- name: departing_phases
-- The phases that some workflows' plans name.
select distinct to_jsonb(named) as row
from (
    select phases.digest, phases.name, phases.version, phases.kind
    from plans
    cross join jsonb_array_elements(case when jsonb_typeof(spec -> 'steps') = 'array' then spec -> 'steps' end) as step
    join phases on phases.digest = step #>> '{phase,digest}'
    where plans.digest in (
        select unnest(array[plan, wanted_plan])
        from workflows
        where id = any($1::uuid[])
    )
) as named

-- name: departing_steps
-- Steps of some workflows.
select to_jsonb(steps) as row
from steps
where workflow_id = any($1::uuid[])
order by workflow_id, position

-- name: departing_tasks
-- Tasks of some workflows.
select to_jsonb(tasks) as row
from tasks
where workflow_id = any($1::uuid[])
order by workflow_id, step, partition

-- name: departing_attempts
-- Attempts of some workflows.
select to_jsonb(attempts) - 'id' as row
from attempts
where workflow_id = any($1::uuid[])
order by workflow_id, id

-- name: departing_events
-- The history of some workflows.
select to_jsonb(events) - 'id' as row
from events
where workflow_id = any($1::uuid[])
order by workflow_id, id

-- name: departing_logs
-- Lines of some workflows.
select to_jsonb(logs) - 'id' as row
from logs
where workflow_id = any($1::uuid[])
order by workflow_id, id

-- name: departing_rejects
-- Rows that some workflows have rejected.
select to_jsonb(rejects) as row
from rejects
where workflow_id = any($1::uuid[])
order by workflow_id, step, partition, ordinal

-- name: departing_artifacts
-- Artifacts of some workflows, each once.
select distinct on (digest) digest, size, form
from tasks
where workflow_id = any($1::uuid[])
    and inline is null
order by digest

-- name: make_stages
-- Tables of this session alone, for what arrives until all of it is known to be whole.
create temporary table staged_workflows (like workflows including defaults);
create temporary table staged_plans (like plans including defaults);
create temporary table staged_phases (like phases including defaults);
create temporary table staged_steps (like steps including defaults);
create temporary table staged_tasks (like tasks including defaults);
create temporary table staged_attempts (like attempts including defaults including identity);
create temporary table staged_events (like events including defaults including identity);
create temporary table staged_logs (like logs including defaults including identity);
create temporary table staged_rejects (like rejects including defaults);
create temporary table staged_artifacts (
    project text not null,
    source bytea not null,
    digest bytea not null,
    form text not null,
    primary key (source, project)
);
alter table staged_workflows add primary key (id);
alter table staged_tasks add primary key (workflow_id, step, partition);
create index staged_tasks_by_artifact on staged_tasks (digest) where inline is null

-- name: stage_workflows
-- Keep workflows that arrive.
insert into staged_workflows (
    id, project, name, plan, plan_version, wanted_plan, status, owner, priority, labels, idempotency_key, created_at,
    started_at, finished_at, drained_at, request, frozen_s, error
)
select
    id, project, name, plan, plan_version, wanted_plan, status, owner, priority, labels, idempotency_key, created_at,
    started_at, finished_at, drained_at, request, frozen_s, error
from jsonb_populate_recordset(null::workflows, $1::text::jsonb)

-- name: stage_plans
-- Keep plans that arrive.
insert into staged_plans (digest, spec)
select digest, spec
from jsonb_populate_recordset(null::plans, $1::text::jsonb)

-- name: stage_phase
-- Keep the code of a phase that arrives, for a project.
insert into staged_phases (digest, name, version, kind, code, project, is_sealed)
values ($1, $2, $3, $4, $5, $6, $7)

-- name: stage_steps
-- Keep steps that arrive. None of their tasks is at work here.
insert into staged_steps (
    workflow_id, position, status, partitions, done, running, reason, rows, rejects, cached, wall_s, cpu_s, started_at,
    finished_at, frozen_s
)
select
    workflow_id, position, status, partitions, done, 0, reason, rows, rejects, cached, wall_s, cpu_s, started_at,
    finished_at, frozen_s
from jsonb_populate_recordset(null::steps, $1::text::jsonb)

-- name: stage_tasks
-- Keep tasks that arrive.
insert into staged_tasks
select *
from jsonb_populate_recordset(null::tasks, $1::text::jsonb)

-- name: stage_attempts
-- Keep attempts that arrive.
insert into staged_attempts (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, ended_at, retry_at,
    retry_memory_bytes, is_forgiven
)
select
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, ended_at, retry_at,
    retry_memory_bytes, is_forgiven
from jsonb_populate_recordset(null::attempts, $1::text::jsonb)

-- name: stage_events
-- Keep events that arrive.
insert into staged_events (workflow_id, at, kind, data)
select workflow_id, at, kind, data
from jsonb_populate_recordset(null::events, $1::text::jsonb)

-- name: stage_logs
-- Keep lines that arrive.
insert into staged_logs (workflow_id, at, step, partition, level, message)
select workflow_id, at, step, partition, level, message
from jsonb_populate_recordset(null::logs, $1::text::jsonb)

-- name: stage_rejects
-- Keep rejected rows that arrive.
insert into staged_rejects
select *
from jsonb_populate_recordset(null::rejects, $1::text::jsonb)

-- name: staged_owners
-- Projects whose tasks have an artifact that arrives, with its form and size as the tasks have it.
select distinct project, form, size
from staged_tasks
join staged_workflows on staged_workflows.id = workflow_id
where digest = $1
    and inline is null

-- name: stage_artifact
-- Keep what an artifact is called here.
insert into staged_artifacts (project, source, digest, form)
values ($1, $2, $3, $4)

-- name: missing_artifacts
-- How many artifacts have not arrived.
select count(distinct digest) as missing
from staged_tasks
where inline is null
    and not exists (
        select
        from staged_artifacts
        where source = staged_tasks.digest
            and project = (select project from staged_workflows where id = staged_tasks.workflow_id)
    )

-- name: stray_rows
-- A table with rows of workflows that are not among those that arrive, or of plans that did not come with them.
select 'steps' as place from staged_steps where workflow_id not in (select id from staged_workflows)
union all
select 'tasks' from staged_tasks where workflow_id not in (select id from staged_workflows)
union all
select 'attempts' from staged_attempts where workflow_id not in (select id from staged_workflows)
union all
select 'events' from staged_events where workflow_id not in (select id from staged_workflows)
union all
select 'logs' from staged_logs where workflow_id not in (select id from staged_workflows)
union all
select 'rejects' from staged_rejects where workflow_id not in (select id from staged_workflows)
union all
select 'workflows'
from staged_workflows
where plan not in (select digest from staged_plans)
    or wanted_plan not in (select digest from staged_plans)
limit 1

-- name: taken_ids
-- Workflows that arrive whose ids are taken, or were erased; and whether all that could tell them apart is equal.
select
    staged_workflows.id,
    mine.id is null as was_erased,
    mine.id is not null
        and row(mine.project, mine.name, mine.plan, mine.owner, mine.labels, mine.created_at, mine.status)
            is not distinct from row(
                staged_workflows.project, staged_workflows.name, staged_workflows.plan, staged_workflows.owner,
                staged_workflows.labels, staged_workflows.created_at, staged_workflows.status
            )
        and (select count(*) from tasks where workflow_id = mine.id)
            = (select count(*) from staged_tasks where workflow_id = mine.id)
        and not exists (
            select step, partition, size, rows, started_at from staged_tasks where workflow_id = mine.id
            except
            select step, partition, size, rows, started_at from tasks where workflow_id = mine.id
        )
        as is_same
from staged_workflows
left join workflows as mine on mine.id = staged_workflows.id
where mine.id is not null
    or exists (select from erasures where staged_workflows.id = any(workflows))
order by staged_workflows.id

-- name: rename_results
-- Let tasks that arrive refer to their artifacts as they are called here. Each looks its own up: these tables have no
-- statistics for a better plan.
update staged_tasks
set (digest, form) = (
    select coalesce(found.digest, staged_tasks.digest), coalesce(found.form, staged_tasks.form)
    from (select) as once
    left join staged_artifacts as found
        on source = staged_tasks.digest
        and project = (select project from staged_workflows where id = staged_tasks.workflow_id)
)
where inline is null

-- name: release_keys
-- Forget idempotency keys that somebody has used here.
update staged_workflows
set idempotency_key = null
where exists (
    select
    from workflows
    where workflows.project = staged_workflows.project
        and workflows.owner = staged_workflows.owner
        and workflows.idempotency_key = staged_workflows.idempotency_key
)

-- name: arrive
-- All that has arrived, but for the workflows that are here already.
with new as (
    select *
    from staged_workflows
    where id <> all($1::uuid[])
),
code as (
    insert into phases (digest, name, version, kind, code, project, is_sealed)
    select digest, name, version, kind, code, project, is_sealed
    from staged_phases
    on conflict do nothing
),
kept_plans as (
    insert into plans (digest, spec)
    select digest, spec
    from staged_plans
    on conflict do nothing
),
labelled as (
    insert into workflow_labels (project, label, workflow_id)
    select distinct project, hashtextextended(key || '=' || value, 0), id
    from new
    cross join jsonb_each_text(labels)
),
moved_steps as (
    insert into steps
    select staged_steps.*
    from staged_steps
    join new on new.id = workflow_id
),
moved_tasks as (
    insert into tasks
    select staged_tasks.*
    from staged_tasks
    join new on new.id = workflow_id
),
moved_attempts as (
    insert into attempts (
        workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, ended_at,
        retry_at, retry_memory_bytes, is_forgiven
    )
    select
        workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, staged_attempts.started_at,
        ended_at, retry_at, retry_memory_bytes, is_forgiven
    from staged_attempts
    join new on new.id = workflow_id
    order by staged_attempts.id
),
moved_events as (
    insert into events (workflow_id, at, kind, data)
    select workflow_id, at, kind, data
    from staged_events
    join new on new.id = workflow_id
    order by staged_events.id
),
moved_logs as (
    insert into logs (workflow_id, at, step, partition, level, message)
    select workflow_id, at, step, partition, level, message
    from staged_logs
    join new on new.id = workflow_id
    order by staged_logs.id
),
moved_rejects as (
    insert into rejects
    select staged_rejects.*
    from staged_rejects
    join new on new.id = workflow_id
)
insert into workflows (
    id, project, name, plan, plan_version, wanted_plan, status, owner, priority, labels, idempotency_key, created_at,
    started_at, finished_at, drained_at, request, frozen_s, error
)
select
    id, project, name, plan, plan_version, wanted_plan, status, owner, priority, labels, idempotency_key, created_at,
    started_at, finished_at, drained_at, request, frozen_s, error
from new
