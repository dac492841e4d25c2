-- Plans that projects have registered under names.

-- name: register_plan
-- The next version of a plan; no row if there is no such project.
insert into registered_plans (
    project, name, version, plan, description, labels, priority, parameters, registered_by
)
select
    projects.name, $2,
    coalesce((select max(version) from registered_plans where project = $1 and registered_plans.name = $2), 0) + 1,
    $3, $4, $5, $6, $7, $8
from projects
where projects.name = $1
returning project, name, version, description, labels, priority, parameters, registered_by, registered_at

-- name: registered_plan
-- A plan of a project: the version given, or the newest.
select
    project, name, version, description, labels, priority, parameters, registered_by, registered_at, spec
from registered_plans
join plans on plans.digest = registered_plans.plan
where project = $1
    and name = $2
    and ($3::integer is null or version = $3)
order by version desc
limit 1

-- name: registered_plans
-- A page of the newest versions of plans of some projects, by project and name; null means all projects.
select distinct on (project, name)
    project, name, version, description, labels, priority, parameters, registered_by, registered_at
from registered_plans
where ($1::text[] is null or project = any($1))
    and (project, name) > ($2, $3)
order by project, name, version desc
limit $4

-- name: unregister_plan
-- Forget all versions of a plan; workflows that follow one are not touched.
delete from registered_plans
where project = $1
    and name = $2
returning version
