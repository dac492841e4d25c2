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
