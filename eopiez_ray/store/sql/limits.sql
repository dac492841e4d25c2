-- Limits, weights, and the permits that orchestrators hold under limits.

-- name: limits
-- All limits.
select kind, name, project, maximum
from limits
order by kind, name, project

-- name: weights
-- All weights of owners.
select project, owner, weight
from weights
order by project, owner

-- name: project_weights
-- The projects whose weight is not 1.
select name, weight
from projects
where weight <> 1
order by name

-- name: set_limit
-- A limit, new or changed.
with changed as (
    insert into limits (kind, name, project, maximum)
    values ($1, $2, $3, $4)
    on conflict (kind, name, project) do update
    set maximum = excluded.maximum
    returning name
)
select pg_notify('eopiez_rules', name)
from changed

-- name: lift_limit
-- A limit that no longer holds.
with lifted as (
    delete from limits
    where kind = $1
        and name = $2
        and project = $3
    returning name
)
select pg_notify('eopiez_rules', name)
from lifted

-- name: set_weight
-- An owner's share of what the project has.
with changed as (
    insert into weights (project, owner, weight)
    values ($1, $2, $3)
    on conflict (project, owner) do update
    set weight = excluded.weight
    returning owner
)
select pg_notify('eopiez_rules', owner)
from changed

-- name: set_project_weight
-- A project's share of the cluster; no row if there is no such project.
with changed as (
    update projects
    set weight = $2
    where name = $1
    returning name
)
select pg_notify('eopiez_rules', name)
from changed

-- name: drop_permits
-- Release permits of limits that are not named.
delete from permits
where orchestrator = $1
    and (kind, name, project) not in (select * from unnest($2::text[], $3::text[], $4::text[]))

-- name: lock_limit
-- A limit's maximum, locked: permits are given by one transaction at a time.
select maximum
from limits
where kind = $1
    and name = $2
    and project = $3
for update

-- name: other_permits
-- What other living orchestrators hold and want of a limit.
select held, wanted
from permits
join living_orchestrators as orchestrators on orchestrators.id = orchestrator
where permits.kind = $1
    and permits.name = $2
    and permits.project = $3
    and orchestrator <> $4

-- name: save_permits
-- What an orchestrator holds and wants of a limit.
insert into permits (kind, name, project, orchestrator, held, wanted)
values ($1, $2, $3, $4, $5, $6)
on conflict (kind, name, project, orchestrator) do update
set held = excluded.held,
    wanted = excluded.wanted

-- name: standing_limits
-- All limits, or those of some projects alone, with what living orchestrators hold of them and want.
with living as materialized (
    select id
    from living_orchestrators
)
select kind, name, project, maximum, used.held, used.wanted
from limits
cross join lateral (
    select coalesce(sum(held), 0)::bigint as held, coalesce(sum(wanted), 0)::bigint as wanted
    from permits
    where permits.kind = limits.kind
        and permits.name = limits.name
        and permits.project = limits.project
        and orchestrator in (select id from living)
) as used
where $1::text[] is null
    or project = any($1)
    or kind = 'project' and name = any($1)
order by kind, name, project
