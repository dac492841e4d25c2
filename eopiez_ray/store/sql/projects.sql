-- Projects, to which workflows belong.

-- name: add_project
-- A new project; no row if there is one of this name.
insert into projects (name, title)
values ($1, $2)
on conflict do nothing
returning name, title, created_at, weight

-- name: projects
-- All projects, or those named.
select name, title, created_at, weight
from projects
where $1::text[] is null
    or name = any($1)
order by name

-- name: rename_project
-- Another title for a project.
update projects
set title = $2
where name = $1
returning name, title, created_at, weight

-- name: has_workflows
-- Whether a project has workflows.
select exists (select from workflows where project = $1) as has_workflows

-- name: delete_project
-- Forget a project with its limits, weights, services and alerts, so that nothing of it is left for a later one of the
-- same name; no row if there is none.
with forgotten as (
    delete from projects
    where name = $1
    returning name
),
forgotten_limits as (
    delete from limits
    using forgotten
    where limits.project = forgotten.name
        or limits.kind = 'project' and limits.name = forgotten.name
),
forgotten_weights as (
    delete from weights
    using forgotten
    where project = forgotten.name
),
forgotten_services as (
    delete from services
    using forgotten
    where project = forgotten.name
),
forgotten_alerts as (
    delete from alerts
    using forgotten
    where project = forgotten.name
        or rule_project = forgotten.name
),
forgotten_lines as (
    delete from log_lines
    using forgotten
    where project = forgotten.name
),
-- Its rules and channels go with it.
changed as (
    update alerting
    set revision = revision + 1
    from forgotten
)
select pg_notify('eopiez_rules', name)
from forgotten
