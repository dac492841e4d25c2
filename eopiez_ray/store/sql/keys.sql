-- API keys, and the keys that sign tokens.

-- name: create_key
-- A new key; nothing if its owner has one of that name in the project.
insert into api_keys (id, user_id, project, name, role, secret, prefix, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (user_id, project, name) where revoked_at is null do nothing
returning created_at

-- name: identities_of_keys
-- Who keys belong to, and their role in its project now. At most once a minute it is noted that a key is in use.
with seen as (
    update api_keys
    set last_used_at = date_trunc('minute', now())
    where secret = any($1::bytea[])
        and revoked_at is null
        and (last_used_at is null or last_used_at < date_trunc('minute', now()))
)
select
    secret, users.id as user_id, login, is_system_administrator, api_keys.id as key_id, api_keys.name as key_name,
    api_keys.project, api_keys.role,
    (
        select memberships.role
        from memberships
        where memberships.user_id = users.id
            and memberships.project = api_keys.project
    ) as held
from api_keys
join users on users.id = api_keys.user_id
where secret = any($1::bytea[])
    and revoked_at is null
    and (expires_at is null or expires_at > now())
    and not is_disabled
    and not must_change_password

-- name: keys
-- Keys of a user, or all of some projects, oldest first.
select
    api_keys.id, user_id, login, project, name, role, prefix, api_keys.created_at, expires_at, last_used_at
from api_keys
join users on users.id = user_id
where revoked_at is null
    and (user_id = $1 or project = any($2))
    and ($3::uuid is null or api_keys.id > $3)
order by api_keys.id
limit $4

-- name: revoke_key
-- A key of a user, or of some projects, that holds no longer.
update api_keys
set revoked_at = now()
where id = $1
    and revoked_at is null
    and (user_id = $2 or project = any($3))
returning project, name

-- name: current_signing_key
-- The key that signs now, if it is not too old.
select kid, private_key, public_key
from signing_keys
where retired_at is null
    and created_at > now() - $1::interval
order by created_at desc
limit 1

-- name: lock_signing_keys
-- Let one replica at a time make a key.
select pg_advisory_xact_lock(hashtextextended('eopiez.signing_keys', 0))

-- name: retire_signing_keys
-- Keys that sign nothing any more.
update signing_keys
set retired_at = now()
where retired_at is null

-- name: add_signing_key
-- The key that signs from now on.
insert into signing_keys (kid, private_key, public_key)
values ($1, $2, $3)

-- name: public_key
-- A key that verifies: one that signs, or has done so within the life of a token.
select public_key
from signing_keys
where kid = $1
    and (retired_at is null or retired_at > now() - $2::interval)

-- name: public_keys
-- All keys that verify.
select kid, public_key
from signing_keys
where retired_at is null
    or retired_at > now() - $1::interval
order by created_at
