-- Which orchestrators are alive, which workflows each drives, and until when.

-- name: register_orchestrator
-- A new orchestrator, and the key of the advisory lock that shows that it is alive.
insert into orchestrators (id, name, host, pid, cluster, lease_until)
values ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval)
returning lock_key

-- name: peers
-- Other living orchestrators: those that take any workflow, and those that drive some on the same cluster. What this
-- one takes is told to them.
with told as (
    update orchestrators
    set takes_any = $3
    where id = $1
        and takes_any <> $3
)
select
    count(*) filter (where takes_any)::integer as takers,
    count(*) filter (where cluster = $2 and exists (select from workflows where holder = orchestrators.id))::integer
        as neighbours
from living_orchestrators as orchestrators
where orchestrators.id <> $1

-- name: died_idle
-- Orchestrators of a cluster that died in the last minutes and drove nothing then, so that nobody will claim from them.
select orchestrators.id
from orchestrators
where cluster = $1
    and lease_until > clock_timestamp() - interval '10 minutes'
    and not exists (select from workflows where holder = orchestrators.id)
    and id not in (
        select living.id
        from living_orchestrators as living
    )

-- name: living_orchestrators
-- Those of the given orchestrators whose session still holds its lock.
select orchestrators.id
from living_orchestrators as orchestrators
where orchestrators.id = any($1::uuid[])

-- name: claim
-- Take workflows that nobody drives: never held, released, or whose holder's lease has run out or session is gone.
-- Priority comes first; then projects take turns by weight, and so do the owners of each project, those with much driven
-- here already coming later.
-- The row lock makes two claimers take different ones; the new epoch fences the old holder. Just after the server has
-- started, every session is gone: living holders get some seconds to come back, and keep what they drive.
with recursive entitled as materialized (
    select leaseholders.id
    from leaseholders
    union all
    select orchestrators.id
    from orchestrators
    where pg_postmaster_start_time() >= clock_timestamp() - interval '5 seconds'
),
-- One step in the index for each owner in each project, however many workflows they have.
owners as (
    (
        select project, owner
        from workflows
        where holder is null
            and status in ('queued', 'running', 'pausing', 'cancelling')
        order by project, owner
        limit 1
    )
    union all
    select following.project, following.owner
    from owners
    cross join lateral (
        select workflows.project, workflows.owner
        from workflows
        where holder is null
            and status in ('queued', 'running', 'pausing', 'cancelling')
            and (workflows.project, workflows.owner) > (owners.project, owners.owner)
        order by workflows.project, workflows.owner
        limit 1
    ) as following
),
busy as (
    select *
    from unnest($3::text[], $4::text[], $5::bigint[]) as busy (project, owner, driven)
),
busy_projects as (
    select project, sum(driven) as driven
    from busy
    group by project
),
-- The first workflow of each owner, and when its turn is.
firsts as (
    select
        owners.project, owners.owner, first.id, first.priority, coalesce(busy.driven, 0) as driven,
        coalesce(weights.weight, 1) as weight, coalesce(busy_projects.driven, 0) as project_driven,
        coalesce(projects.weight, 1) as project_weight,
        (coalesce(busy.driven, 0) + 1) / coalesce(weights.weight, 1) as turn
    from owners
    cross join lateral (
        select id, priority
        from workflows
        where holder is null
            and status in ('queued', 'running', 'pausing', 'cancelling')
            and workflows.project = owners.project
            and workflows.owner = owners.owner
        order by priority desc, id
        limit 1
    ) as first
    left join busy on busy.project = owners.project and busy.owner = owners.owner
    left join weights on weights.project = owners.project and weights.owner = owners.owner
    left join busy_projects on busy_projects.project = owners.project
    left join projects on projects.name = owners.project
    where first.priority > $6::integer
),
placed as (
    select *, (project_driven + place) / project_weight as project_turn
    from (
        select *, row_number() over (partition by project, priority order by turn, id) as place
        from firsts
    ) as firsts
),
-- With many owners, their first workflows alone are more than enough: whatever comes after the last of these, were they
-- all, comes even later among all, and is not read.
enough as (
    select priority, project_turn
    from (
        select
            priority, project_turn, row_number() over (order by priority desc, project_turn, id) as rank,
            count(*) over () as total
        from placed
    ) as placed
    where total >= 2 * $2
        and rank = least(4 * $2, total)
),
-- How many of a project's workflows of the last priority can come before that.
allowed as (
    select
        project, owner, placed.priority, turn, place, weight, driven, enough.priority as last_priority,
        floor(enough.project_turn * project_weight - project_driven + 0.000001) as in_project
    from placed
    left join enough on true
    where enough.priority is null
        or placed.priority > enough.priority
        or placed.priority = enough.priority and placed.project_turn <= enough.project_turn
),
-- The turn after which nothing of a project can, since so many of its owners come first.
last_of_project as (
    select project, turn
    from allowed
    where priority = last_priority
        and place = in_project
),
-- How many of an owner's workflows can.
depths as (
    select
        allowed.project, owner,
        case
            when priority = last_priority then least(
                2 * $2, in_project, floor(last_of_project.turn * weight - driven + 0.000001)
            )
            else 2 * $2
        end::integer as depth
    from allowed
    left join last_of_project using (project)
),
candidates as (
    select queued.id, queued.priority, depths.project, depths.owner
    from depths
    cross join lateral (
        select id, priority
        from workflows
        where holder is null
            and status in ('queued', 'running', 'pausing', 'cancelling')
            and workflows.project = depths.project
            and workflows.owner = depths.owner
        order by priority desc, id
        limit depth
    ) as queued
    union all
    select id, priority, project, owner
    from workflows
    where holder is not null
        and status in ('running', 'pausing', 'cancelling')
        and holder <> $1
        and holder not in (select id from entitled)
),
in_project as (
    select
        id, priority, project,
        (coalesce(driven, 0) + row_number() over (partition by project, owner, priority order by id))
            / coalesce(weight, 1) as owner_turn
    from candidates
    left join busy using (project, owner)
    left join weights using (project, owner)
    where candidates.priority > $6::integer
),
-- More than are wanted, for another claimer may be taking the first ones.
ranked as (
    select
        id,
        (
            coalesce(driven, 0)
            + row_number() over (partition by in_project.project, priority order by owner_turn, id)
        ) / coalesce(weight, 1) as turn
    from in_project
    left join busy_projects using (project)
    left join projects on projects.name = in_project.project
    order by priority desc, turn, id
    limit 4 * $2
),
claimable as (
    select workflows.id, holder as previous
    from workflows
    join ranked on ranked.id = workflows.id
    where workflows.id = any(array(select id from ranked)) -- By the primary key, whatever the planner expects.
        and status in ('queued', 'running', 'pausing', 'cancelling')
        and (holder is null or (holder <> $1 and holder not in (select id from entitled)))
    order by priority desc, turn, workflows.id
    limit $2
    for update of workflows skip locked
)
update workflows
set holder = $1,
    epoch = epoch + 1,
    status = case when status = 'queued' then 'running' else status end,
    started_at = coalesce(started_at, clock_timestamp()),
    drained_at = null
from claimable
where workflows.id = claimable.id
returning workflows.id, project, plan, status, epoch, owner, priority, labels, previous

-- name: claim_named
-- Like claim, but only among the given workflows and without turns.
with claimable as (
    select id, holder as previous
    from workflows
    where id = any($2::uuid[])
        and status in ('queued', 'running', 'pausing', 'cancelling')
        and (
            holder is null
            or (
                holder <> $1
                and pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'
                and not exists (select from leaseholders where leaseholders.id = holder)
            )
        )
    order by priority desc, id
    limit $3
    for update skip locked
)
update workflows
set holder = $1,
    epoch = epoch + 1,
    status = case when status = 'queued' then 'running' else status end,
    started_at = coalesce(started_at, clock_timestamp()),
    drained_at = null
from claimable
where workflows.id = claimable.id
returning workflows.id, project, plan, status, epoch, owner, priority, labels, previous

-- name: unclaimed
-- Workflows that nobody drives, by priority and age: to be claimed one by one, where a claim of many is refused.
select id, epoch, project
from workflows
where status in ('queued', 'running', 'pausing', 'cancelling')
    and (holder is null or holder not in (select leaseholders.id from leaseholders))
    and ($1::uuid[] is null or id = any($1::uuid[]))
    and id <> all($2::uuid[])
    and ($1::uuid[] is not null or priority > $3::integer)
order by priority desc, id
limit $4

-- name: clear_in_flight
-- Clear what was in flight when workflows were left: as far as anyone knows, it no longer is.
update steps
set running = 0
where workflow_id = any($1::uuid[])
    and running > 0

-- name: renew
-- Renew an orchestrator's lease; say whether it had not run out yet.
update orchestrators
set lease_until = clock_timestamp() + $2::interval
from (
    select lease_until >= clock_timestamp() as was_valid
    from orchestrators
    where id = $1
) as before
where id = $1
returning was_valid

-- name: held
-- What an orchestrator holds.
select id, epoch
from workflows
where holder = $1

-- name: release
-- Release unfinished workflows: another orchestrator may claim them at once.
with released as (
    update workflows
    set holder = null
    from unnest($1::uuid[], $2::bigint[]) as held (id, epoch)
    where workflows.id = held.id
        and workflows.epoch = held.epoch
    returning workflows.id
)
select pg_notify('eopiez_work', id::text)
from released

-- name: fence
-- Those of the given workflows that the writer still holds, locked until the transaction ends.
select workflows.id, project
from workflows
join unnest($1::uuid[], $2::bigint[]) as held (id, epoch) on workflows.id = held.id and workflows.epoch = held.epoch
order by workflows.id
for update of workflows

-- name: is_held
-- Whether a living orchestrator drives the workflow.
select exists (select from leaseholders where leaseholders.id = holder) as is_held
from workflows
where id = $1

-- name: save_workers
-- Where new workers are.
insert into workers (name, orchestrator, node, host, pid, actor)
select *
from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::text[])
on conflict do nothing

-- name: show_life
-- Hold the lock that shows that an orchestrator lives, until its session ends.
select pg_advisory_lock($1)

-- name: bequeath
-- Let others take a leaving orchestrator for dead, and so claim its workflows and the workers it leaves.
select pg_advisory_unlock($1), pg_notify('eopiez_work', 'handed over')

-- name: driver
-- Which living orchestrator drives a workflow.
select leaseholders.name, host, leaseholders.pid, leaseholders.started_at
from workflows
join leaseholders on leaseholders.id = holder
where workflows.id = $1
