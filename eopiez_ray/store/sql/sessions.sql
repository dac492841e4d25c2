-- Sessions and refresh tokens. A session holds until it ends, is idle for too long, or reaches its absolute limit.

-- name: start_session
-- A new session. It is held against the account's state, and of too many, the oldest end.
with surplus as (
    update sessions
    set ended_at = now()
    where id in (
        select id
        from sessions
        where user_id = $2
            and ended_at is null
            and expires_at > now()
        order by id desc
        offset $8
    )
)
insert into sessions (id, user_id, cookie, user_agent, address, idle_until, expires_at)
values ($1, $2, $3, $4, $5, now() + $6, now() + $7)
returning expires_at

-- name: identities_of_sessions
-- Who sessions belong to, with their roles now, if the key that signed their token holds. At most once a minute it is
-- noted that a session is in use.
with seen as (
    update sessions
    set last_seen_at = now(),
        idle_until = now() + $3
    where id = any($1::uuid[])
        and ended_at is null
        and idle_until > now()
        and expires_at > now()
        and last_seen_at < now() - interval '1 minute'
)
select
    users.id as user_id, login, is_system_administrator, must_change_password, sessions.id as session_id,
    sessions.created_at as signed_in_at, kid,
    coalesce((select jsonb_object_agg(project, role) from memberships where user_id = users.id), '{}') as roles
from unnest($1::uuid[], $2::text[]) as asked (id, kid)
join sessions on sessions.id = asked.id
join users on users.id = sessions.user_id
where ended_at is null
    and idle_until > now()
    and sessions.expires_at > now()
    and not is_disabled
    and exists (
        select
        from signing_keys
        where signing_keys.kid = asked.kid
            and (retired_at is null or retired_at > now() - $4::interval)
    )

-- name: identities_of_cookies
-- As identities_of_sessions, for browsers' cookies.
with seen as (
    update sessions
    set last_seen_at = now(),
        idle_until = now() + $2
    where cookie = any($1::bytea[])
        and ended_at is null
        and idle_until > now()
        and expires_at > now()
        and last_seen_at < now() - interval '1 minute'
)
select
    users.id as user_id, login, is_system_administrator, must_change_password, sessions.id as session_id,
    sessions.created_at as signed_in_at, cookie,
    coalesce((select jsonb_object_agg(project, role) from memberships where user_id = users.id), '{}') as roles
from sessions
join users on users.id = sessions.user_id
where cookie = any($1::bytea[])
    and ended_at is null
    and idle_until > now()
    and sessions.expires_at > now()
    and not is_disabled

-- name: sessions
-- A user's sessions that hold, the newest first.
select id, user_agent, address, created_at, last_seen_at, idle_until, expires_at
from sessions
where user_id = $1
    and ended_at is null
    and idle_until > now()
    and expires_at > now()
order by id desc

-- name: end_session
-- A user's session that holds no longer.
update sessions
set ended_at = now()
where id = $1
    and user_id = $2
    and ended_at is null
returning id

-- name: end_sessions
-- All of a user's sessions but one.
update sessions
set ended_at = now()
where user_id = $1
    and ended_at is null
    and ($2::uuid is null or id <> $2)
returning id

-- name: add_refresh_token
-- The next token of a session.
insert into refresh_tokens (token, session_id)
values ($1, $2)

-- name: use_refresh_token
-- Use a token once. Two at once are one after the other, and the second finds it used.
update refresh_tokens
set used_at = now()
where token = $1
    and used_at is null
returning session_id

-- name: session_of_refresh_token
-- The session of a token that was used before, and whose it is.
select session_id, user_id, login
from refresh_tokens
join sessions on sessions.id = session_id
join users on users.id = user_id
where token = $1

-- name: renew_session
-- A session that is in use, and whose it is; nothing if it does not hold.
update sessions
set last_seen_at = now(),
    idle_until = now() + $2
from users
where sessions.id = $1
    and users.id = user_id
    and ended_at is null
    and idle_until > now()
    and sessions.expires_at > now()
    and not is_disabled
returning user_id, login, must_change_password

-- name: forget_sessions
-- Sessions that ended long ago, with their tokens.
delete from sessions
where expires_at < now() - interval '30 days'
