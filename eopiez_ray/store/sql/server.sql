-- How the database's server is.

-- name: server_figures
-- What the server counts of this database.
select
    xact_commit, xact_rollback, blks_hit, blks_read, deadlocks, temp_bytes,
    pg_database_size(current_database()) as size,
    (
        select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::double precision
        from pg_stat_activity
        where datname = current_database()
            and pid <> pg_backend_pid()
    ) as longest_s,
    (
        select count(*)
        from pg_stat_activity
        where datname = current_database()
            and wait_event_type = 'Lock'
    ) as waiting,
    (
        select coalesce(max(pg_wal_lsn_diff(sent_lsn, replay_lsn)), 0)::double precision
        from pg_stat_replication
    ) as lag
from pg_stat_database
where datname = current_database()

-- name: server_connections
-- Connections to this database, by what they do.
select coalesce(state, 'unknown') as state, count(*) as connections
from pg_stat_activity
where datname = current_database()
    and backend_type = 'client backend'
group by 1

-- name: server_tables
-- Tables with their rows, as estimated, and their size with indexes.
select relname as table, n_live_tup as live, n_dead_tup as dead, pg_total_relation_size(relid) as bytes
from pg_stat_user_tables
where schemaname = 'eopiez'

-- name: probe_commit
-- A commit of one small row.
update watches
set lease_until = lease_until
where name = $1
    and holder = $2
