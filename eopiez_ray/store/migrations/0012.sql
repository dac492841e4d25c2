-- One log for the whole system.
create index logs_in_order on logs (id);

-- The system's log: what its parts say, and what tasks log and print, which is copied here beside their own history.
create table log_lines (
    -- In the order in which lines became visible: whoever extends the stream holds a lock.
    id bigint generated always as identity primary key,
    at timestamptz not null,
    level text not null check (level in ('debug', 'info', 'warning', 'error', 'critical')),
    part text not null check (part in ('gateway', 'orchestrator', 'supervisor', 'task')),
    -- Null for what is the system's own.
    project text,
    process text not null default '',
    logger text not null default '',
    message text not null,
    fields jsonb not null default '{}',
    request_id text not null default '',
    trace_id text not null default '',
    workflow_id uuid,
    step text,
    partition integer,
    -- The line of a task that this one is a copy of.
    source bigint,
    constraint tasks_belong_to_projects check ((part = 'task') = (project is not null))
);
create unique index log_lines_of_tasks on log_lines (source) where source is not null;
create index log_lines_of_workflow on log_lines (workflow_id, at, id) where workflow_id is not null;
create index log_lines_of_project on log_lines (project, at, id) where project is not null;
create index log_lines_of_request on log_lines (request_id, at, id) where request_id <> '';
create index log_lines_of_trace on log_lines (trace_id, at, id) where trace_id <> '';
create index log_lines_of_note on log_lines (at, id) where level in ('warning', 'error', 'critical');
create index log_lines_of_errors on log_lines (at, id) where level in ('error', 'critical');
create index log_lines_of_parts on log_lines (part, at, id) where part <> 'task';
create index log_lines_by_time on log_lines (at, id);
-- By trigrams where the server has them; without, a search reads all lines.
do $$
declare
    home name;
begin
    if exists (select from pg_available_extensions where name = 'pg_trgm') then
        begin
            create extension if not exists pg_trgm;
        exception
            when insufficient_privilege then null;
        end;
    end if;
    select nspname into home
    from pg_extension
    join pg_namespace on pg_namespace.oid = extnamespace
    where extname = 'pg_trgm';
    if home is not null then
        execute format('create index log_lines_by_text on log_lines using gin (message %I.gin_trgm_ops)', home);
    end if;
end
$$;

-- How far lines of tasks have been copied: up to `seen`, and none up to `settled` can come late any more.
create table log_gathering (
    is_only boolean primary key default true check (is_only),
    settled bigint not null default 0,
    noted bigint not null default 0,
    seen bigint not null default 0,
    looked_at timestamptz not null default now()
);

-- From which level on loggers say something, on every replica and orchestrator.
create table log_levels (
    logger text primary key,
    level text not null check (level in ('debug', 'info', 'warning', 'error', 'critical')),
    set_by text not null,
    set_at timestamptz not null default clock_timestamp()
);
-- Of what there is, the latest.
insert into log_gathering (settled, noted, seen)
select coalesce(max(id), 0), coalesce(max(id), 0), coalesce(max(id), 0)
from (
    select id
    from logs
    order by id desc
    offset 100000
    limit 1
) as latest;
