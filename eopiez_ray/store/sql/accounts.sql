-- Users, their passwords, and their places in projects.

-- name: create_user
-- A new user; nothing if the login is taken.
insert into users (
    id, login, email, display_name, password, must_change_password, password_expires_at, is_system_administrator,
    issuer, subject
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict do nothing
returning id

-- name: has_users
-- Whether anybody may sign in yet.
select exists (select from users) as has_users

-- name: users
-- Users by login, after one, those whose login or name contains a text.
select
    users.id, login, email, display_name, time_zone, default_project, is_system_administrator, is_disabled,
    must_change_password, password is not null as has_password,
    exists (select from totp where user_id = users.id and confirmed_at is not null) as has_totp,
    version, users.created_at, last_login_at
from users
where login > $1
    and ($2 = '' or strpos(login, $2) > 0 or strpos(lower(display_name), $2) > 0)
order by login
limit $3

-- name: user
-- A user.
select
    users.id, login, email, display_name, time_zone, default_project, is_system_administrator, is_disabled,
    must_change_password, password is not null as has_password,
    exists (select from totp where user_id = users.id and confirmed_at is not null) as has_totp,
    version, users.created_at, last_login_at
from users
where users.id = $1

-- name: user_by_login
-- The id of the user with that login.
select id
from users
where login = $1

-- name: user_by_subject
-- The user whom an identity provider knows by that subject.
select id, login, is_disabled
from users
where issuer = $1
    and subject = $2

-- name: credentials
-- What a sign-in is checked against.
select
    users.id, login, email, display_name, password,
    is_disabled or (must_change_password and (password_used_at is not null or password_expires_at <= now())) as is_barred,
    totp.secret as totp_secret
from users
left join totp on totp.user_id = users.id and totp.confirmed_at is not null
where login = $1

-- name: credentials_of
-- What a user who is signed in is checked against again.
select users.id, login, email, display_name, password, is_disabled as is_barred, totp.secret as totp_secret
from users
left join totp on totp.user_id = users.id and totp.confirmed_at is not null
where users.id = $1

-- name: admit
-- Record a sign-in; nothing if the user may not sign in any more, an initial password having been used meanwhile.
update users
set last_login_at = now(),
    password_used_at = now()
where id = $1
    and not is_disabled
    and not (must_change_password and (password_used_at is not null or password_expires_at <= now()))
returning must_change_password

-- name: set_password
-- A password, initial if it has to be changed by some time.
update users
set password = $2,
    must_change_password = $3::timestamptz is not null,
    password_expires_at = $3,
    password_used_at = null,
    version = version + 1
where id = $1
returning login

-- name: update_profile
-- What users say of themselves; nothing if it has changed since that version.
update users
set display_name = $3,
    email = $4,
    time_zone = $5,
    default_project = $6,
    version = version + 1
where id = $1
    and version = $2
returning id

-- name: lock_administrators
-- Those who manage the system, locked, so that two changes at once do not leave nobody.
select id
from users
where is_system_administrator
    and not is_disabled
order by id
for update

-- name: update_user
-- What system administrators decide of a user; nothing if it has changed since that version.
update users
set display_name = $3,
    email = $4,
    is_system_administrator = $5,
    is_disabled = $6,
    version = version + 1
where id = $1
    and version = $2
returning id

-- name: members
-- The members of a project.
select user_id, login, display_name, role
from memberships
join users on users.id = user_id
where project = $1
    and login > $2
order by login
limit $3

-- name: role_of_member
-- A member's role.
select role
from memberships
where project = $1
    and user_id = $2

-- name: put_member
-- A role in a project, new or changed.
insert into memberships (user_id, project, role)
select users.id, projects.name, $3
from users, projects
where users.id = $2
    and projects.name = $1
on conflict (user_id, project) do update
set role = excluded.role
returning user_id

-- name: drop_member
-- Somebody who works for a project no longer.
delete from memberships
where project = $1
    and user_id = $2
returning user_id
