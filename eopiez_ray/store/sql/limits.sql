-- Limits, weights, and the permits that orchestrators hold under limits.

-- name: limits
-- All limits.
select kind, name, maximum
from limits
order by kind, name

-- name: weights
-- All weights.
select owner, weight
from weights
order by owner

-- name: set_limit
-- A limit, new or changed.
with changed as (
    insert into limits (kind, name, maximum)
    values ($1, $2, $3)
    on conflict (kind, name) do update
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
    returning name
)
select pg_notify('eopiez_rules', name)
from lifted

-- name: set_weight
-- An owner's share of the cluster.
with changed as (
    insert into weights (owner, weight)
    values ($1, $2)
    on conflict (owner) do update
    set weight = excluded.weight
    returning owner
)
select pg_notify('eopiez_rules', owner)
from changed

-- name: drop_permits
-- Release permits of limits that are not named.
delete from permits
where orchestrator = $1
    and (kind, name) not in (select * from unnest($2::text[], $3::text[]))

-- name: lock_limit
-- A limit's maximum, locked: permits are given by one transaction at a time.
select maximum
from limits
where kind = $1
    and name = $2
for update

-- name: other_permits
-- What other living orchestrators hold and want of a limit.
select held, wanted
from permits
join living_orchestrators as orchestrators on orchestrators.id = orchestrator
where permits.kind = $1
    and permits.name = $2
    and orchestrator <> $3

-- name: save_permits
-- What an orchestrator holds and wants of a limit.
insert into permits (kind, name, orchestrator, held, wanted)
values ($1, $2, $3, $4, $5)
on conflict (kind, name, orchestrator) do update
set held = excluded.held,
    wanted = excluded.wanted

-- name: standing_limits
-- All limits, with what living orchestrators hold of them and want.
select
    limits.kind, limits.name, maximum, coalesce(sum(held), 0)::bigint as held, coalesce(sum(wanted), 0)::bigint as wanted
from limits
left join (
    permits
    join living_orchestrators as orchestrators on orchestrators.id = orchestrator
) on permits.kind = limits.kind and permits.name = limits.name
group by limits.kind, limits.name, maximum
order by limits.kind, limits.name
