-- Services that run elsewhere. An instance whose last heartbeat is older than its lease, by this clock, is gone.

-- name: register_service
-- A new instance, or one that registers again under the URL that it had; no row if there is no such project, or if it
-- has as many instances as it may ($10).
insert into services (id, project, name, version, url, health_path, weight, metadata, registered_by, lease)
select $1, projects.name, $3, $4, $5, $6, $7, $8, $9, $11
from projects
where projects.name = $2
    and (
        select count(*)
        from services
        where project = $2
            and heartbeat_at + lease > clock_timestamp()
            and (name, url) <> ($3, $5)
    ) < $10::bigint
on conflict (project, name, url) do update
set version = excluded.version,
    health_path = excluded.health_path,
    weight = excluded.weight,
    metadata = excluded.metadata,
    registered_by = excluded.registered_by,
    registered_at = clock_timestamp(),
    heartbeat_at = clock_timestamp(),
    lease = excluded.lease,
    checked_at = null,
    failed_checks = 0
returning id, project, name, version, url, health_path, weight, metadata, registered_by, registered_at, heartbeat_at,
    lease, checked_at, failed_checks

-- name: service
-- One instance of some projects that is there; null means all projects.
select id, project, name, version, url, health_path, weight, metadata, registered_by, registered_at, heartbeat_at,
    lease, checked_at, failed_checks
from services
where id = $1
    and ($2::text[] is null or project = any($2))
    and heartbeat_at + lease > clock_timestamp()

-- name: services
-- A page of instances that are there, by id; null means all projects, all names, all versions.
select id, project, name, version, url, health_path, weight, metadata, registered_by, registered_at, heartbeat_at,
    lease, checked_at, failed_checks
from services
where ($1::text[] is null or project = any($1))
    and ($2::text is null or name = $2)
    and ($3::text is null or version = $3)
    and heartbeat_at + lease > clock_timestamp()
    and ($4::uuid is null or id > $4)
order by id
limit $5

-- name: beat_service
-- A heartbeat of an instance that is there.
update services
set heartbeat_at = clock_timestamp()
where id = $1
    and heartbeat_at + lease > clock_timestamp()
returning id, project, name, version, url, health_path, weight, metadata, registered_by, registered_at, heartbeat_at,
    lease, checked_at, failed_checks

-- name: unregister_service
-- Forget an instance.
delete from services
where id = $1

-- name: take_service_checks
-- Instances whose health is to be asked for now: whoever takes one is alone to ask. $1 seconds between checks, $2 how
-- many at most.
update services
set checked_at = clock_timestamp()
where id in (
    select id
    from services
    where health_path is not null
        and heartbeat_at + lease > clock_timestamp()
        and (checked_at is null or checked_at < clock_timestamp() - $1::float8 * interval '1 second')
    order by checked_at nulls first
    limit $2
    for update skip locked
)
returning id, project, name, version, url, health_path, weight, metadata, registered_by, registered_at, heartbeat_at,
    lease, checked_at, failed_checks

-- name: note_service_check
-- Whether an instance has passed a check of its health.
update services
set failed_checks = case when $2::boolean then 0 else least(failed_checks + 1, 1000) end
where id = $1

-- name: forget_services
-- Instances that have been gone for long.
delete from services
where heartbeat_at + lease < clock_timestamp() - $1::interval
