-- Erasure: what is to go for good, and what has gone.

-- name: add_erasure
-- Keep that something is to be erased, and what belongs to it; from here on it is done, whatever happens.
insert into erasures (id, kind, target, project, requested_by, workflows, uploads, todo_workflows, todo_uploads)
values ($1, $2, $3, $4, $5, $6, $7, $6, $7)

-- name: lock_erasure
-- An erasure, so that one process at a time does its next part.
select id, kind, target, project, requested_by, requested_at, finished_at, todo_workflows, todo_uploads, todo_artifacts,
    todo_folders, counts, digests_hash
from erasures
where id = $1
for update

-- name: save_erasure
-- How far an erasure is.
update erasures
set todo_workflows = $2, todo_uploads = $3, todo_artifacts = $4, todo_folders = $5, counts = $6, digests_hash = $7
where id = $1

-- name: finish_erasure
-- All of it is gone.
update erasures
set finished_at = clock_timestamp()
where id = $1
    and finished_at is null
returning id

-- name: erasures
-- Erasures of some projects, the newest first.
select id, kind, target, project, requested_by, requested_at, finished_at, counts, digests_hash,
    cardinality(workflows) as workflows
from erasures
where ($1::text[] is null or project = any($1))
    and ($2::uuid is null or id < $2)
order by id desc
limit $3

-- name: unfinished_erasures
-- Erasures that are to be gone on with, the oldest first.
select id
from erasures
where finished_at is null
order by id

-- name: erasable_workflows
-- Workflows of a project, or all of them, with where they stand.
select id, status
from workflows
where ($1::text is null or project = $1)
order by id

-- name: anything_at_work
-- Whether any workflow is driven, or waits for that.
select
    exists (select from workflows where holder is not null)
    or exists (
        select
        from workflows
        where holder is null
            and status in ('queued', 'running', 'pausing', 'cancelling')
    ) as is_at_work

-- name: uploads_of_project
-- Uploads of a project.
select id
from uploads
where project = $1
order by id

-- name: workflow_to_erase
-- A workflow, locked, so that nobody goes on with it while it is erased, and the plans that it has followed or will.
select
    id, project, status, labels,
    array[plan, wanted_plan] || array(select replaced_plans.plan from replaced_plans where workflow_id = id) as plans
from workflows
where id = $1
for update

-- name: digests_of_workflow
-- Digests of a workflow's results, and which of them are artifacts.
select digest, bool_or(inline is null) as is_artifact
from tasks
where workflow_id = $1
group by digest
order by digest

-- name: forget_cached_digests
-- Drop cached results by what they hold.
delete from cache
where digest = any($1::bytea[])
returning key

-- name: referenced_digests
-- Those of the given artifacts that something refers to.
select digest
from tasks
where digest = any($1::bytea[])
    and inline is null
union
select digest
from cache
where digest = any($1::bytea[])
    and inline is null

-- name: lock_code
-- Let nobody keep a plan until this transaction ends: its code may be about to be forgotten with another one.
select pg_advisory_xact_lock(hashtextextended('eopiez.code', 0))

-- name: share_code
-- Let no code be forgotten until this transaction ends.
select pg_advisory_xact_lock_shared(hashtextextended('eopiez.code', 0))

-- name: forget_plan
-- Forget a plan that nothing follows any more, and the code and values that only it has named.
with forgotten as (
    delete from plans
    where digest = $1
        and not exists (select from workflows where plan = $1 or wanted_plan = $1)
        and not exists (select from replaced_plans where replaced_plans.plan = $1)
        and not exists (select from registered_plans where registered_plans.plan = $1)
    returning spec
),
named as (
    select distinct step #>> '{phase,digest}' as digest
    from forgotten
    cross join jsonb_array_elements(case when jsonb_typeof(spec -> 'steps') = 'array' then spec -> 'steps' end) as step
)
delete from phases
where digest in (select digest from named)
    and not exists (
        select
        from plans
        cross join jsonb_array_elements(case when jsonb_typeof(spec -> 'steps') = 'array' then spec -> 'steps' end) as step
        where plans.digest <> $1
            and step #>> '{phase,digest}' = phases.digest
    )

-- name: forget_project_data
-- Forget what a project has besides workflows and uploads: registered plans, and lines in the stream.
with forgotten_plans as (
    delete from registered_plans
    where project = $1
    returning plan
),
forgotten_lines as (
    delete from log_lines
    where project = $1
)
select distinct plan
from forgotten_plans

-- name: forget_lines
-- Forget some lines of the stream.
delete from log_lines
where id = any($1::bigint[])
