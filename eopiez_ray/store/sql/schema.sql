-- Today's whole schema. migrations/ leads from every earlier one to it.

create table schema_version (
    version integer primary key,
    applied_at timestamptz not null default now(),
    -- The oldest schema whose programs work on this one.
    compatible_since integer
);

-- Code of phases and given values, so that any orchestrator can run a plan made elsewhere.
create table phases (
    digest text not null,
    name text not null,
    version text not null,
    kind text not null check (kind in ('values', 'source', 'map', 'combine', 'reduce', 'sink')),
    code bytea not null,
    created_at timestamptz not null default now(),
    -- Code that is encrypted belongs to a project's key, so that two projects with equal code have a row each.
    project text not null default '',
    is_sealed boolean not null default false,
    primary key (digest, project)
);

-- Keys under which data is encrypted, each of a project, or of the system where it is empty; wrapped by a master key.
create table data_keys (
    id uuid primary key,
    project text not null,
    -- The name of the master key that has wrapped it.
    master text not null,
    -- Null once it is destroyed, and nobody will ever read again what it has encrypted.
    wrapped bytea,
    created_at timestamptz not null default clock_timestamp(),
    retired_at timestamptz,
    destroyed_at timestamptz,
    constraint destroyed_is_gone check ((wrapped is null) = (destroyed_at is not null)),
    constraint destroyed_is_retired check (destroyed_at is null or retired_at is not null)
);
create unique index data_keys_in_use on data_keys (project) where retired_at is null;
create index data_keys_of_project on data_keys (project, created_at desc);

-- What was, or is being, erased for good. A restored backup has to erase it again: `workflows` and `uploads` have all
-- that belonged to it; a project's registered plans and lines went with it.
create table erasures (
    id uuid primary key,
    kind text not null check (kind in ('project', 'workflow', 'subject')),
    -- The project's name, or the workflow's id; of a data subject, nothing that tells who it was.
    target text not null,
    project text not null default '',
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    workflows uuid[] not null,
    uploads uuid[] not null,
    todo_workflows uuid[] not null,
    todo_uploads uuid[] not null,
    -- Files that are deleted after the rows that named them.
    todo_artifacts bytea[] not null default '{}',
    todo_folders text[] not null default '{}',
    counts jsonb not null default '{}',
    -- SHA-256 over the digests of all that was erased, each after the hash before it.
    digests_hash bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000'
);
create index erasures_to_do on erasures (id) where finished_at is null;
create index erasures_of_project on erasures (project, id);

-- Who drives workflows. A session-level advisory lock on lock_key lives exactly as long as the process.
create table orchestrators (
    id uuid primary key,
    lock_key bigint not null generated always as identity unique,
    name text not null default '',
    cluster text not null default '',
    takes_any boolean not null default false,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default now(),
    lease_until timestamptz not null default '-infinity'
);

-- Those whose session still holds its lock.
create view living_orchestrators as
select orchestrators.*
from orchestrators
join pg_locks on locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())
    and (classid::bigint << 32 | objid::bigint) = lock_key;

-- Those who may keep the workflows they hold: a frozen process still has its session, but does not renew its lease.
create view leaseholders as
select *
from living_orchestrators
where lease_until >= clock_timestamp();

-- Whoever works for a project sees its workflows, and nobody else does. What is made without a gateway is in `default`.
create table projects (
    name text primary key,
    title text not null default '',
    created_at timestamptz not null default now(),
    -- Its share of the cluster relative to other projects.
    weight double precision not null default 1 check (weight > 0)
);
insert into projects (name, title) values ('default', 'Default');

-- How long projects keep kinds of data, where not as long as the settings say.
create table retentions (
    project text not null references projects (name) on delete cascade,
    kind text not null check (kind in ('results', 'logs', 'rejects', 'errors', 'uploads')),
    -- Null for ever.
    days double precision check (days >= 0),
    primary key (project, kind)
);

-- How many calls may be at work at once: in one project, or, where project is empty, in all together.
create table limits (
    kind text not null check (kind in ('project', 'owner', 'label', 'phase')),
    name text not null,
    maximum integer not null check (maximum >= 0),
    project text not null default '',
    primary key (kind, name, project)
);

-- How owners share what their project has.
create table weights (
    owner text not null,
    weight double precision not null check (weight > 0),
    project text not null default 'default',
    primary key (project, owner)
);

-- Calls that orchestrators have at work, or may start at once, under a limit: together never more than its maximum.
create table permits (
    kind text not null,
    name text not null,
    orchestrator uuid not null references orchestrators (id),
    held integer not null check (held >= 0),
    wanted integer not null,
    project text not null default '',
    primary key (kind, name, project, orchestrator),
    foreign key (kind, name, project) references limits (kind, name, project) on delete cascade
);

-- Plans by their content: a plan that is run a thousand times is kept once, and an updated one is another plan.
create table plans (
    digest text primary key,
    spec jsonb not null,
    created_at timestamptz not null default now()
);

-- Who may sign in. `password` is a hash; without one, they sign in with their identity provider alone.
create table users (
    id uuid primary key,
    login text not null unique check (login <> ''),
    email text,
    display_name text not null default '',
    time_zone text not null default 'UTC',
    default_project text references projects (name) on delete set null,
    password text,
    -- An initial password signs in once, within its time, and then has to be changed.
    must_change_password boolean not null default false,
    password_expires_at timestamptz,
    password_used_at timestamptz,
    is_system_administrator boolean not null default false,
    is_disabled boolean not null default false,
    issuer text,
    subject text,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    last_login_at timestamptz,
    constraint initial_password_expires check (not must_change_password or password_expires_at is not null)
);
create unique index users_of_issuer on users (issuer, subject) where subject is not null;

create table memberships (
    user_id uuid not null references users (id) on delete cascade,
    project text not null references projects (name) on delete cascade,
    role text not null check (role in ('observer', 'viewer', 'operator', 'developer', 'administrator')),
    primary key (user_id, project)
);
create index memberships_of_project on memberships (project, user_id);

-- Whoever shows the token joins the project. Tokens and secrets below are kept as SHA-256 alone.
create table invitations (
    id uuid primary key,
    token bytea not null unique,
    project text not null references projects (name) on delete cascade,
    role text not null check (role in ('observer', 'viewer', 'operator', 'developer', 'administrator')),
    created_by uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_by uuid references users (id) on delete cascade,
    accepted_at timestamptz
);
create index invitations_of_project on invitations (project, id);

create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- What a browser's cookie shows; programs have tokens instead.
    cookie bytea unique,
    user_agent text not null default '',
    address text not null default '',
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    idle_until timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);
create index sessions_of_user on sessions (user_id, id);

-- Each is used once; using one again ends its session.
create table refresh_tokens (
    token bytea primary key,
    session_id uuid not null references sessions (id) on delete cascade,
    created_at timestamptz not null default now(),
    used_at timestamptz
);
create index refresh_tokens_of_session on refresh_tokens (session_id);

create table api_keys (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    project text not null references projects (name) on delete cascade,
    name text not null,
    role text not null check (role in ('observer', 'viewer', 'operator', 'developer', 'administrator')),
    secret bytea not null unique,
    -- The part of the key that lists show.
    prefix text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
create index api_keys_of_user on api_keys (user_id, id);
create index api_keys_of_project on api_keys (project, id);
create unique index api_keys_by_name on api_keys (user_id, project, name) where revoked_at is null;

-- Keys that sign access tokens. A retired one signs nothing any more, and verifies what it signed.
create table signing_keys (
    kid text primary key,
    private_key bytea not null,
    public_key bytea not null,
    created_at timestamptz not null default now(),
    retired_at timestamptz
);

-- Second factors. Only steps later than the last one used are accepted.
create table totp (
    user_id uuid primary key references users (id) on delete cascade,
    secret text not null,
    last_step bigint not null default 0,
    confirmed_at timestamptz
);

create table recovery_codes (
    user_id uuid not null references users (id) on delete cascade,
    code bytea not null,
    used_at timestamptz,
    primary key (user_id, code)
);

-- Failed attempts at an account (the hash of its login, whether it exists or not) from a network.
create table guesses (
    account bytea not null,
    network text not null,
    failures integer not null,
    last_at timestamptz not null,
    blocked_until timestamptz not null default '-infinity',
    primary key (account, network)
);
create index guesses_by_time on guesses (last_at);

-- When each rate limit will be unused again (the theoretical arrival time of GCRA). A crash may forget it.
create unlogged table rates (
    key text primary key,
    arrival_at timestamptz not null,
    granted integer not null
);
create index rates_by_time on rates (arrival_at);

-- Who did what. Each row's hash covers its predecessor's, so that a change shows; see model/audit.py.
create table audit (
    seq bigint primary key,
    at timestamptz not null,
    actor text not null,
    actor_id uuid,
    action text not null,
    object text not null,
    project text not null,
    address text not null,
    result text not null check (result in ('done', 'refused', 'failed')),
    request_id text not null,
    details jsonb not null,
    previous bytea not null,
    hash bytea not null
);
create index audit_of_actor on audit (actor, seq);
create index audit_of_action on audit (action, seq);
create index audit_of_project on audit (project, seq);
create index audit_of_object on audit (object, seq);
create index audit_by_time on audit (at, seq);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only' using errcode = 'integrity_constraint_violation';
end
$$;
create trigger audit_is_append_only before update or delete or truncate on audit
for each statement execute function refuse_change();
create table workflows (
    id uuid primary key,
    project text not null default 'default',
    name text not null,
    plan text not null references plans (digest),
    plan_version integer not null default 1,
    wanted_plan text references plans (digest),
    status text not null default 'queued' check (
        status in (
            'queued', 'running', 'pausing', 'paused', 'succeeded', 'failed', 'cancelling', 'cancelled', 'quarantined'
        )
    ),
    owner text not null default '',
    priority smallint not null default 0,
    labels jsonb not null default '{}',
    idempotency_key text,
    epoch bigint not null default 0,
    holder uuid references orchestrators (id),
    created_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    drained_at timestamptz,
    -- The last pause, resume, cancel or retry: verb, at, by, why, mode, timers.
    request jsonb,
    -- Seconds of all pauses, ended ones, during which timers stood still.
    frozen_s double precision not null default 0,
    error jsonb,
    -- Where it stands in its caller's trace, in the form of W3C Trace Context.
    traceparent text,
    constraint terminal_is_finished check (
        (status in ('succeeded', 'failed', 'cancelled', 'quarantined')) = (finished_at is not null)
    ),
    constraint paused_is_drained check (status <> 'paused' or drained_at is not null),
    constraint rest_has_no_holder check (
        status not in ('queued', 'paused', 'succeeded', 'failed', 'cancelled', 'quarantined') or holder is null
    )
);
-- Those that nobody drives, by project and owner, so that a claim need not read all that one of them has queued.
create index workflows_claimable on workflows (project, owner, priority desc, id)
where holder is null and status in ('queued', 'running', 'pausing', 'cancelling');
create index workflows_held on workflows (holder) where holder is not null;
create unique index workflows_idempotent on workflows (project, owner, idempotency_key)
where idempotency_key is not null;
create index workflows_listed on workflows (project, status, id);

-- Plans that workflows followed before they were updated, by the version that each was.
create table replaced_plans (
    workflow_id uuid not null references workflows (id) on delete cascade,
    version integer not null,
    plan text not null references plans (digest),
    replaced_at timestamptz not null default clock_timestamp(),
    primary key (workflow_id, version)
);
create index replaced_plans_by_plan on replaced_plans (plan);

-- Which workflows have a label, in the order of their age. A label is the hash of its key and value, which may be too
-- long for an index; whoever finds a workflow here compares its labels. Workflows without labels cost nothing.
create table workflow_labels (
    project text not null,
    label bigint not null,
    workflow_id uuid not null,
    primary key (project, label, workflow_id)
);

-- The tables below are written thousands of times a second: no foreign keys, each of which would cost a look-up for
-- every row. delete_workflow removes their rows with the workflow's.

-- A row for each step that has moved; its name, phase and inputs are in the plan.
create table steps (
    workflow_id uuid not null,
    position smallint not null,
    status text not null check (status in ('waiting', 'running', 'succeeded', 'failed')),
    partitions integer,
    done integer not null,
    running integer not null,
    reason text not null default '',
    rows bigint not null,
    rejects bigint not null,
    cached integer not null,
    wall_s double precision not null,
    cpu_s double precision not null,
    started_at timestamptz,
    finished_at timestamptz,
    -- Seconds of pauses, since it began, during which timers stood still.
    frozen_s double precision not null default 0,
    primary key (workflow_id, position),
    constraint done_within_partitions check (partitions is null or done <= partitions)
) with (fillfactor = 70);

-- A row for each finished task: its first committed report.
create table tasks (
    workflow_id uuid not null,
    step smallint not null,
    partition integer not null,
    digest bytea not null,
    size bigint not null,
    form text not null,
    inline bytea,
    rows bigint not null,
    rejects integer not null,
    started_at timestamptz not null,
    wall_s double precision not null,
    cpu_s double precision not null,
    worker text not null,
    is_cached boolean not null,
    peak_bytes bigint not null,
    -- When the transaction that wrote it began.
    committed_at timestamptz not null default now(),
    primary key (workflow_id, step, partition)
);
-- What people look for in long workflows. Rows of short tasks are in none of these, and cost nothing.
create index tasks_rejecting on tasks (workflow_id, step, partition) where rejects > 0;
create index tasks_cached on tasks (workflow_id, step, partition) where is_cached;
create index tasks_long on tasks (workflow_id, step, wall_s) where wall_s >= 1;
create index tasks_measured on tasks (workflow_id, step, peak_bytes) where peak_bytes > 0;
-- Rows are added at the end, so that a summary of each stretch of pages finds the latest.
create index tasks_by_time on tasks using brin (committed_at) with (pages_per_range = 32, autosummarize = on);

-- A row for each attempt that ended without a result.
create table attempts (
    workflow_id uuid not null,
    step smallint not null,
    partition integer not null,
    attempt integer not null,
    outcome text not null check (outcome in ('failed', 'timed_out', 'lost', 'out_of_memory', 'refused')),
    error_type text not null,
    message text not null,
    traceback text not null,
    worker text not null,
    started_at timestamptz not null,
    ended_at timestamptz not null default clock_timestamp(),
    retry_at timestamptz,
    retry_memory_bytes bigint not null default 0,
    is_forgiven boolean not null default false,
    id bigint generated always as identity primary key
);
create index attempts_of_workflow on attempts (workflow_id, step, partition);
create index attempts_given_up on attempts (id) where retry_at is null and not is_forgiven;
create index attempts_in_order on attempts (workflow_id, id);
create index attempts_by_time on attempts using brin (ended_at) with (pages_per_range = 32, autosummarize = on);

create table events (
    workflow_id uuid not null,
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    kind text not null,
    data jsonb not null default '{}',
    primary key (workflow_id, id)
);
create index events_by_time on events using brin (at) with (pages_per_range = 32, autosummarize = on);

create table logs (
    workflow_id uuid not null,
    id bigint generated always as identity,
    at timestamptz not null,
    step smallint not null,
    partition integer not null,
    level text not null,
    message text not null,
    primary key (workflow_id, id)
);
create index logs_of_task on logs (workflow_id, step, partition, id);
create index logs_of_note on logs (workflow_id, id) where level in ('warning', 'error', 'critical');
create index logs_in_order on logs (id);

create table rejects (
    workflow_id uuid not null,
    step smallint not null,
    partition integer not null,
    ordinal integer not null,
    source text not null,
    reason text not null,
    sample text not null,
    -- How many rows it stands for: beyond the first of a task, rows are counted by reason alone.
    rows bigint not null default 1,
    primary key (workflow_id, step, partition, ordinal)
);

-- Where workers are or were; tasks and attempts name them.
create table workers (
    name text primary key,
    orchestrator uuid not null,
    node text not null,
    host text not null,
    pid integer not null,
    actor text not null,
    started_at timestamptz not null default now()
);

-- Plans that a project has registered, each under a name, version by version.
create table registered_plans (
    project text not null,
    name text not null,
    version integer not null check (version >= 1),
    plan text not null references plans (digest),
    description text not null default '',
    labels jsonb not null default '{}',
    priority smallint not null default 0,
    -- What may be given at the start: by its name, the step and the phase's parameter that it sets.
    parameters jsonb not null default '{}',
    registered_by text not null,
    registered_at timestamptz not null default clock_timestamp(),
    primary key (project, name, version)
);

-- Files that callers of the gateway upload; their content is in a folder that workers can read.
create table uploads (
    id uuid primary key,
    project text not null,
    owner text not null,
    name text not null,
    size bigint not null check (size >= 0),
    created_at timestamptz not null default clock_timestamp(),
    completed_at timestamptz
);
create index uploads_of_project on uploads (project, id desc);

-- Services that run phases elsewhere, an instance each; it is there while its heartbeats come.
create table services (
    id uuid primary key,
    project text not null,
    name text not null,
    version text not null,
    url text not null,
    -- Null if nobody asks for its health.
    health_path text,
    weight integer not null check (weight between 1 and 1000),
    metadata jsonb not null default '{}',
    registered_by text not null,
    registered_at timestamptz not null default clock_timestamp(),
    heartbeat_at timestamptz not null default clock_timestamp(),
    -- How long a heartbeat counts.
    lease interval not null check (lease > interval '0'),
    checked_at timestamptz,
    -- Checks of its health in a row that it has not passed.
    failed_checks integer not null default 0,
    unique (project, name, url)
);

-- What is known of phases by their code: what a task takes, newer tasks counting more.
create table profiles (
    digest text primary key,
    name text not null,
    version text not null,
    tasks bigint not null,
    wall_s double precision not null,
    cpu_s double precision not null,
    peak_bytes bigint not null,
    updated_at timestamptz not null default now()
);

-- Results that equal tasks share.
create table cache (
    key bytea primary key,
    digest bytea not null,
    size bigint not null,
    form text not null,
    inline bytea,
    rows bigint not null,
    created_at timestamptz not null default now()
);

-- Work that one process at a time does for the whole system, or for one node: who does it, and until when, by this
-- clock, it is theirs.
create table watches (
    name text primary key,
    holder uuid not null,
    lease_until timestamptz not null
);

-- What processes have measured lately. Reports stay for a while after they were folded into samples, so that one that
-- is sent again, because nobody knows whether it arrived, is known.
create table reports (
    source uuid not null,
    number bigint not null,
    at timestamptz not null default clock_timestamp(),
    -- Of each series: the metric, its labels, and values by bucket.
    entries jsonb not null,
    is_folded boolean not null default false,
    primary key (source, number)
);
create index reports_to_fold on reports (at) where not is_folded;

-- A metric with its labels. `labels` are few and short.
create table series (
    id integer generated always as identity primary key,
    metric text not null,
    labels jsonb not null,
    seen_at timestamptz not null default now(),
    unique (metric, labels)
);

-- What a metric's series measured in a period: of counters and histograms what was added to them, of gauges their mean
-- and maximum. monitoring/blocks.py says how it is packed. A period may have several rows, which add up.
create table samples (
    -- Seconds of the period that begins at `at`.
    resolution integer not null check (resolution in (10, 60, 3600, 86400)),
    metric text not null,
    at timestamptz not null,
    fold bigint not null,
    packed bytea not null,
    primary key (resolution, metric, at, fold)
);
alter table samples alter packed set storage external;
-- What was folded since somebody last looked.
create index samples_by_fold on samples (fold) where resolution = 10;
create index samples_by_time on samples using brin (at) with (pages_per_range = 8);

-- What counters and histograms have come to since the beginning, up to and including a fold.
create table totals (
    metric text primary key,
    fold bigint not null,
    packed bytea not null
);
alter table totals alter packed set storage external;

-- How far samples are rolled up: no period that begins before is missing.
create table rollups (
    resolution integer primary key check (resolution in (60, 3600, 86400)),
    through timestamptz not null
);

-- How far what has happened is measured: the last fold, and up to when events, attempts and tasks are counted.
create table metering (
    is_only boolean primary key default true check (is_only),
    fold bigint not null default 0,
    through timestamptz not null default now()
);
insert into metering default values;

-- How far finished work is exported to a collector of traces; no row before the first export.
create table tracing (
    is_only boolean primary key default true check (is_only),
    through timestamptz not null
);

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
        -- Trigrams of ciphertext find nothing, and cost much.
        execute format(
            'create index log_lines_by_text on log_lines using gin (message %I.gin_trgm_ops) '
            'where not starts_with(message, ''⟦sealed⟧'')', home
        );
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
insert into log_gathering default values;

-- Rules by which alerts are raised, as their projects have written them; without a project, they are the system's.
create table alert_rules (
    id bigint generated always as identity primary key,
    project text references projects (name) on delete cascade,
    name text not null,
    document jsonb not null,
    version integer not null default 1,
    updated_by text not null,
    updated_at timestamptz not null default clock_timestamp(),
    unique nulls not distinct (project, name)
);

-- What is or was wrong. An active one is told apart by its rule and its labels.
create table alerts (
    id uuid primary key,
    rule text not null,
    rule_project text,
    project text,
    labels jsonb not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    summary text not null,
    status text not null check (status in ('pending', 'firing', 'resolved')),
    value double precision not null,
    started_at timestamptz not null,
    fired_at timestamptz,
    clear_since timestamptz,
    resolved_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text not null default '',
    comment text not null default '',
    -- What each channel was told, and when; see monitoring/alerts/telling.py.
    notices jsonb not null default '{}',
    constraint resolved_has_a_time check ((status = 'resolved') = (resolved_at is not null)),
    constraint pending_has_not_fired check ((status = 'pending') = (fired_at is null))
);
create unique index alerts_active on alerts (rule, coalesce(rule_project, ''), md5(labels::text))
where status <> 'resolved';
create index alerts_of_project on alerts (project, id);
create index alerts_by_end on alerts (resolved_at) where status = 'resolved';

create table alert_history (
    id bigint generated always as identity primary key,
    alert_id uuid not null references alerts (id) on delete cascade,
    at timestamptz not null,
    kind text not null,
    by text not null default '',
    data jsonb not null default '{}'
);
create index alert_history_of_alert on alert_history (alert_id, id);

create table alert_silences (
    id uuid primary key,
    project text references projects (name) on delete cascade,
    rule text,
    labels jsonb not null default '{}',
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    comment text not null default '',
    created_by text not null,
    created_at timestamptz not null default clock_timestamp(),
    version integer not null default 1
);
create index alert_silences_by_end on alert_silences (ends_at);

-- Who is told. The target, a URL with its secrets, is sealed.
create table alert_channels (
    id uuid primary key,
    project text references projects (name) on delete cascade,
    name text not null,
    target text not null,
    document jsonb not null,
    version integer not null default 1,
    updated_by text not null,
    updated_at timestamptz not null default clock_timestamp(),
    unique nulls not distinct (project, name)
);

-- What is to be sent, written in the transaction that decides it.
create table alert_outbox (
    id bigint generated always as identity primary key,
    channel_id uuid not null references alert_channels (id) on delete cascade,
    -- Messages of one group of a channel are sent in order.
    group_key text not null,
    title text not null,
    body text not null,
    facts jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    due_at timestamptz not null default clock_timestamp(),
    -- Until then, somebody is sending it.
    leased_until timestamptz not null default '-infinity',
    attempts integer not null default 0,
    delivered_at timestamptz,
    given_up_at timestamptz,
    error text not null default ''
);
create index alert_outbox_waiting on alert_outbox (channel_id, group_key, id)
where delivered_at is null and given_up_at is null;
create index alert_outbox_of_channel on alert_outbox (channel_id, id);

-- What the evaluator keeps: which rules and channels hold, and how far the audit log was verified.
create table alerting (
    is_only boolean primary key default true check (is_only),
    revision bigint not null default 0,
    audit_seq bigint not null default 0,
    audit_hash bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000',
    -- The newest row that was ever seen: it may not be missing later.
    audit_head_seq bigint not null default 0,
    audit_head_hash bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000',
    audit_faults integer not null default 0
);
insert into alerting default values;
-- What became of backups.
create table backups (
    id text not null,
    url text not null,
    started_at timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    kind text not null,
    bytes bigint not null,
    new_bytes bigint not null,
    error text not null default '',
    verified_at timestamptz,
    primary key (url, id)
);

-- How many rows a table has: reads all of it.
create function rows_of(which regclass) returns bigint language plpgsql stable as $$
declare
    found bigint;
begin
    execute format('select count(*) from %s', which) into found;
    return found;
end
$$;
