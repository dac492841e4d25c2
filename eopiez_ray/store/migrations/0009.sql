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
