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

-- name: show_statement_counts
-- Let this database show what the server counts of statements, where that is loaded and this role may.
do $$
begin
    if current_setting('pg_stat_statements.max', true) is not null then
        create extension if not exists pg_stat_statements schema public;
    end if;
exception
    when insufficient_privilege or invalid_schema_name or undefined_file or unique_violation then
        null;
end
$$

-- name: statements_are_counted
-- Whether the server counts statements, and this database shows it.
select
    current_setting('pg_stat_statements.max', true) is not null
    and to_regprocedure('public.pg_stat_statements(boolean)') is not null as are_counted

-- name: statement_counts
-- How often each statement ran in this database, and what that took; their texts are not read.
select queryid, sum(calls)::bigint as calls, sum(total_exec_time) / 1000 as seconds
from public.pg_stat_statements(false)
where dbid = (select oid from pg_database where datname = current_database())
    and queryid is not null
group by queryid

-- name: statement_texts
-- The texts of some statements, as far as this role may see them.
select queryid, min(query) as text
from public.pg_stat_statements(true)
where dbid = (select oid from pg_database where datname = current_database())
    and queryid = any($1::bigint[])
group by queryid

-- name: server_bloat
-- What our tables and their B-trees occupy beyond what their rows should, as the planner's statistics say how many rows
-- there are and how wide their columns: 24 bytes of each page and of each row go to headers, 8 of each entry of an
-- index, and 4 to where it is; all is aligned to 8. What is in TOAST is not looked at, and repeated keys that share an
-- entry make an index smaller than this expects, so that its bloat is rather underestimated.
with
-- Tables and indexes that were analyzed, with the mean width of a row.
known as (
    select
        tables.relname as table, classes.relkind, classes.relpages, classes.reltuples,
        coalesce((
            select option_value::integer
            from pg_options_to_table(classes.reloptions)
            where option_name = 'fillfactor'
        ), case classes.relkind when 'i' then 90 else 100 end) / 100.0 as filled,
        (
            select sum((1 - stats.null_frac) * stats.avg_width) + case when max(stats.null_frac) > 0 then 8 else 0 end
            from pg_attribute as attributes
            join pg_stats as stats on stats.schemaname = 'eopiez'
                and stats.tablename = tables.relname
                and stats.attname = attributes.attname
            where attributes.attrelid = classes.oid
                and attributes.attnum > 0
                and not attributes.attisdropped
        ) as width
    from pg_class as classes
    left join pg_index as indexes on indexes.indexrelid = classes.oid
    join pg_class as tables on tables.oid = coalesce(indexes.indrelid, classes.oid)
    where classes.relnamespace = 'eopiez'::regnamespace
        and classes.relkind in ('r', 'i')
        and classes.relam in (select oid from pg_am where amname in ('heap', 'btree'))
        and indexes.indexprs is null
        and classes.reltuples >= 0
),
-- With how many pages their rows should take.
expected as (
    select
        known.*,
        ceil(reltuples * (4 + 8 * ceil((width + case relkind when 'i' then 8 else 24 end) / 8)) / (8168 * filled))
            as pages
    from known
)
select
    expected.table, case relkind when 'i' then 'index' else 'table' end as kind,
    (sum(greatest(0, relpages - pages - case relkind when 'i' then 1 else 0 end)) * 8192)::bigint as bytes
from expected
where width is not null
group by 1, 2
