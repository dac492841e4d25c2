-- Alerts.
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
