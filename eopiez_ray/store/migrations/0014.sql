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
