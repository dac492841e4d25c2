-- Encryption at rest.
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

-- How long projects keep kinds of data, where not as long as the settings say.
create table retentions (
    project text not null references projects (name) on delete cascade,
    kind text not null check (kind in ('results', 'logs', 'rejects', 'errors', 'uploads')),
    -- Null for ever.
    days double precision check (days >= 0),
    primary key (project, kind)
);

-- Code that is encrypted belongs to a project's key, so that two projects with equal code have a row each.
alter table phases
    add column project text not null default '',
    add column is_sealed boolean not null default false,
    drop constraint phases_pkey,
    add primary key (digest, project);

-- Trigrams of ciphertext find nothing, and cost much.
do $$
declare
    home name;
begin
    select nspname into home
    from pg_extension
    join pg_namespace on pg_namespace.oid = extnamespace
    where extname = 'pg_trgm';
    drop index if exists log_lines_by_text;
    if home is not null then
        execute format(
            'create index log_lines_by_text on log_lines using gin (message %I.gin_trgm_ops) '
            'where not starts_with(message, ''⟦sealed⟧'')', home
        );
    end if;
end
$$;

-- A role that sees no payloads.
alter table memberships
    drop constraint memberships_role_check,
    add constraint memberships_role_check check (role in ('observer', 'viewer', 'operator', 'developer', 'administrator'));
alter table invitations
    drop constraint invitations_role_check,
    add constraint invitations_role_check check (role in ('observer', 'viewer', 'operator', 'developer', 'administrator'));
alter table api_keys
    drop constraint api_keys_role_check,
    add constraint api_keys_role_check check (role in ('observer', 'viewer', 'operator', 'developer', 'administrator'));
