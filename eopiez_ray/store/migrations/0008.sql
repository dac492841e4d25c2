-- Files that callers of the gateway upload.
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
