-- Data keys, wrapped by master keys; see docs/encryption.md.

-- name: data_keys_of
-- The living keys of a project, the newest first; the one that is in use is not retired.
select id, project, master, wrapped, retired_at is null as is_in_use
from data_keys
where project = $1
    and destroyed_at is null
order by created_at desc

-- name: data_keys_by_id
-- These keys, as far as they live.
select id, project, master, wrapped
from data_keys
where id = any($1::uuid[])
    and destroyed_at is null

-- name: living_data_keys
-- Ids of all keys that were not destroyed.
select id
from data_keys
where destroyed_at is null

-- name: data_keys
-- All keys that there are or were, by project, the newest first.
select id, project, master, created_at, retired_at, destroyed_at
from data_keys
order by project, created_at desc

-- name: add_data_key
-- A project's first key, unless another process was quicker.
insert into data_keys (id, project, master, wrapped)
values ($1, $2, $3, $4)
on conflict (project) where retired_at is null do nothing

-- name: retire_data_key
-- Let a project's key encrypt nothing any more; it goes on to decrypt.
update data_keys
set retired_at = clock_timestamp()
where project = $1
    and retired_at is null

-- name: data_keys_under_others
-- Keys that another master key than this one has wrapped, locked, so that each is wrapped again by one process.
select id, project, master, wrapped
from data_keys
where master <> $1
    and destroyed_at is null
order by id
for update

-- name: rewrap_data_key
-- Keep a key as a newer master key has wrapped it.
update data_keys
set master = $2, wrapped = $3
where id = $1

-- name: destroy_data_keys
-- Destroy a project's keys, and with them whatever they have encrypted.
update data_keys
set wrapped = null, destroyed_at = clock_timestamp(), retired_at = coalesce(retired_at, clock_timestamp())
where project = $1
    and destroyed_at is null
returning id

-- name: is_project_at_work
-- Whether workflows of a project are under way or may go on.
select exists (
    select
    from workflows
    where project = $1
        and status not in ('succeeded', 'failed', 'cancelled', 'quarantined')
) as is_at_work

-- name: encrypted_shares
-- How much of each kind is encrypted, of each project.
select 'results' as kind, project, count(*) filter (where form like '%+sealed') as sealed,
    count(*) filter (where form not like '%+sealed') as plain
from tasks
join workflows on workflows.id = workflow_id
group by project
union all
select 'logs', project, count(*) filter (where starts_with(message, $1)), count(*) filter (where not starts_with(message, $1))
from logs
join workflows on workflows.id = workflow_id
group by project
union all
select 'errors', project, count(*) filter (where starts_with(message, $1)), count(*) filter (where not starts_with(message, $1))
from attempts
join workflows on workflows.id = workflow_id
group by project
union all
select 'rejects', project, count(*) filter (where starts_with(sample, $1)), count(*) filter (where not starts_with(sample, $1))
from rejects
join workflows on workflows.id = workflow_id
group by project
union all
select 'log stream', coalesce(project, ''), count(*) filter (where starts_with(message, $1)), count(*) filter (where not starts_with(message, $1))
from log_lines
group by coalesce(project, '')
union all
select 'code and given values', project, count(*) filter (where is_sealed), count(*) filter (where not is_sealed)
from phases
group by project
order by kind, project

-- name: forget_sealed_code
-- Forget code that only a project's keys could open, which are destroyed.
delete from phases
where project = $1
    and is_sealed
