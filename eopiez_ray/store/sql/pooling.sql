-- Settings of sessions for connections that a pooler has opened, to which nobody can give them when they begin.

-- name: missing_session_settings
-- Statements that give the role, in this database, what a connection of ours says when it begins; none if it has it.
select format('alter role current_user in database %I set %s', current_database(), replace(setting, '=', ' = ')) as text
from unnest($1::text[]) setting
where not exists (
    select
    from pg_db_role_setting
    where setrole = current_user::regrole
    and setdatabase = (select oid from pg_database where datname = current_database())
    and setting = any (setconfig)
)

-- name: where_am_i
-- What tells one database, role and server from others, and the schema in which a connection looks first.
select
    current_database() as database,
    current_user as role,
    pg_postmaster_start_time() as started_at,
    current_schema() as schema
