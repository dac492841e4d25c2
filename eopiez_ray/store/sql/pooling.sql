-- Settings of sessions for connections that a pooler has opened, to which nobody can give them when they begin.

-- name: keep_session_settings
-- Give the role, in this database, what a connection of ours says when it begins.
do $$
begin
    if not exists (
        select
        from pg_db_role_setting
        where setrole = current_user::regrole
        and setdatabase = (select oid from pg_database where datname = current_database())
        and setconfig @> array['search_path=eopiez', 'jit=off']
    ) then
        execute format('alter role current_user in database %I set search_path = eopiez', current_database());
        execute format('alter role current_user in database %I set jit = off', current_database());
    end if;
end
$$

-- name: where_am_i
-- What tells one database, role and server from others, and the schema in which a connection looks first.
select
    current_database() as database,
    current_user as role,
    pg_postmaster_start_time() as started_at,
    current_schema() as schema
