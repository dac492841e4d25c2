-- Plans with the code of their phases, and updates to them while workflows run.

-- name: add_phase
-- Keep a phase's code; equal digests are the same code.
insert into phases (digest, name, version, kind, code, project, is_sealed)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing

-- name: phase_code
-- The code of some phases; where several projects have it, plain code first.
select digest, code, is_sealed
from phases
where digest = any($1::text[])
order by digest, is_sealed

-- name: add_plan
-- Keep a plan; equal digests are the same plan.
insert into plans (digest, spec)
values ($1, $2)
on conflict do nothing

-- name: plan
-- A plan by its digest.
select spec
from plans
where digest = $1

-- name: save_plans
-- Plans with which workflows continue; those that they replace are kept.
with replaced as (
    insert into replaced_plans (workflow_id, version, plan)
    select id, plan_version, plan
    from workflows
    where id = any($1::uuid[])
),
updated as (
    update workflows
    set plan = given.plan,
        plan_version = plan_version + 1,
        wanted_plan = null
    from unnest($1::uuid[], $2::text[]) as given (id, plan)
    where workflows.id = given.id
    returning workflows.id, given.plan, plan_version
),
history as (
    insert into events (workflow_id, kind, data)
    select id, 'updated', jsonb_build_object('plan', plan, 'version', plan_version)
    from updated
)
select pg_notify('eopiez_status', id::text)
from updated

-- name: plan_versions
-- The plans that a workflow has followed, by version, and until when: the last one is what it follows now.
select version, plan as digest, replaced_at
from replaced_plans
where workflow_id = $1
union all
select plan_version, plan, null
from workflows
where id = $1
order by version

-- name: plan_version
-- One of the plans that a workflow has followed.
select followed.version, digest, replaced_at, spec
from (
    select version, plan, replaced_at
    from replaced_plans
    where workflow_id = $1
    union all
    select plan_version, plan, null
    from workflows
    where id = $1
) as followed
join plans on digest = followed.plan
where followed.version = $2

-- name: answer_update
-- Drop a requested plan, with the reason if the workflow cannot continue with it.
with answered as (
    update workflows
    set wanted_plan = null
    where id = $1
        and epoch = $2
        and wanted_plan is not null
    returning id
),
history as (
    insert into events (workflow_id, kind, data)
    select
        id, case when $3::text = '' then 'updated' else 'update_refused' end,
        case when $3::text = '' then '{}' else jsonb_build_object('reason', $3::text) end
    from answered
)
select pg_notify('eopiez_status', id::text)
from answered

-- name: plans_of
-- The plans of workflows, each with those that follow it.
select spec as plan, array_agg(id) as workflows
from workflows
join plans on plans.digest = workflows.plan
where id = any($1::uuid[])
group by plans.digest

-- name: lock_for_update
-- A workflow's row, locked, for a change of its plan.
select
    id, project, plan, plan_version, status, owner, priority, labels, epoch, holder as previous,
    exists (select from leaseholders where leaseholders.id = holder) as is_held
from workflows
where id = $1
    and ($2::text[] is null or project = any($2))
for update of workflows

-- name: answer_to_update
-- The holder's answer to an update request.
select kind, data
from events
where workflow_id = $1
    and id > $2
    and kind in ('updated', 'update_refused')
order by id
limit 1

-- name: want_update
-- Set priority and labels at once, $5 being those replaced, and request a plan that the holder is to adopt or refuse.
with updated as (
    update workflows
    set wanted_plan = $2,
        priority = $3,
        labels = $4
    where id = $1
    returning id, project
),
labelled as (
    insert into workflow_labels (project, label, workflow_id)
    select project, hashtextextended(key || '=' || value, 0), id
    from updated
    cross join jsonb_each_text($4::jsonb)
    on conflict do nothing
)
delete from workflow_labels
using updated, unnest($5::text[]) as replaced (label)
where workflow_labels.project = updated.project
    and workflow_labels.label = hashtextextended(replaced.label, 0)
    and workflow_id = id

-- name: step_names
-- Names of a workflow's steps, in the order of its plan; no row if there is no such workflow.
select spec #> '{steps}' as steps
from workflows
join plans on plans.digest = workflows.plan
where id = $1
