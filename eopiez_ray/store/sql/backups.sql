-- Backups: what holds still while they are made, what they have to hold, and what became of them.

-- name: hold_artifacts
-- Let nobody delete artifacts until the session ends, or this is undone.
select pg_advisory_lock_shared($1)

-- name: lock_alone
-- Wait until nobody holds this lock, shared or not; until the session ends, nobody else does.
select pg_advisory_lock($1)

-- name: keep_backups
-- Whether this session is the one that keeps backups.
select pg_try_advisory_lock($1) as is_ours

-- name: hold_wal
-- Let the server keep all WAL from now on, until the session ends.
select pg_create_physical_replication_slot($1, true, true)

-- name: wal_slot
-- How a slot is that keeps WAL.
select wal_status
from pg_replication_slots
where slot_name = $1

-- name: make_wal_slot
-- Let the server keep all WAL from now on until it was fetched.
select pg_create_physical_replication_slot($1, true)

-- name: drop_wal_slot
-- Let the server forget its WAL.
select pg_drop_replication_slot(slot_name)
from pg_replication_slots
where slot_name = $1

-- name: server_state
-- The server's major version, our schema's version, and whether texts are found by trigrams.
select
    current_setting('server_version_num')::integer / 10000 as server,
    (select max(version) from schema_version) as schema,
    exists (select from pg_extension where extname = 'pg_trgm') as has_trigrams

-- name: recovery
-- Whether the server still recovers, and when the last transaction was committed that it has brought back.
select pg_is_in_recovery() as is_recovering, pg_last_xact_replay_timestamp() as recovered_to

-- name: has_system
-- Whether this database holds a system.
select exists (select from pg_namespace where nspname = 'eopiez')

-- name: inventory
-- What a system holds.
select
    (select count(*) from workflows) as workflows,
    (
        select count(*)
        from workflows
        where status not in ('succeeded', 'failed', 'cancelled', 'quarantined')
    ) as unfinished,
    (select count(*) from tasks) as tasks,
    (select count(*) from events) as events,
    (select count(*) from users) as users

-- name: stored_outputs
-- Artifacts that something refers to, with their sizes.
select digest, size, form
from tasks
where inline is null
union
select digest, size, form
from cache
where inline is null

-- name: all_rows
-- How many rows each of our tables has.
select tablename as "table", rows_of(format('%I.%I', schemaname, tablename)::regclass) as rows
from pg_tables
where schemaname = 'eopiez'

-- name: note_backup
-- Remember what became of a backup.
insert into backups (id, url, started_at, kind, bytes, new_bytes, error)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (url, id) do nothing

-- name: note_verification
-- Remember that a backup was restored for trial.
update backups
set verified_at = now()
where url = $1
    and id = $2

-- name: last_backups
-- When the last backup that succeeded began, when the first one failed, and when one was last verified.
select
    max(started_at) filter (where error = '') as succeeded_at,
    min(started_at) filter (where error <> '') as failed_at,
    max(verified_at) as verified_at
from backups

-- name: known_erasures
-- What was erased, as a restored backup has to know it.
select id, kind, target, project, requested_by, requested_at, workflows, uploads
from erasures
order by id

-- name: erasure_count
-- How many erasures there were.
select count(*) as erasures
from erasures

-- name: cancel_erased
-- In a restored system that nobody drives yet: end workflows that were erased later, so that they can be erased again.
update workflows
set status = 'cancelled', finished_at = clock_timestamp(), holder = null
where id = any($1::uuid[])
    and status not in ('succeeded', 'failed', 'cancelled', 'quarantined')

-- name: renew_erasure
-- Erase again what a restored backup has brought back.
insert into erasures (
    id, kind, target, project, requested_by, requested_at, workflows, uploads, todo_workflows, todo_uploads
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8)
on conflict (id) do nothing
returning id
