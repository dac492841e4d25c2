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
