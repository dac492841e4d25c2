-- Users, sessions, keys, second factors, rate limits and the audit log.
-- Who may sign in. `password` is a hash; without one, they sign in with their identity provider alone.
create table users (
    id uuid primary key,
    login text not null unique check (login <> ''),
    email text,
    display_name text not null default '',
    time_zone text not null default 'UTC',
    default_project text references projects (name) on delete set null,
    password text,
    -- An initial password signs in once, within its time, and then has to be changed.
    must_change_password boolean not null default false,
    password_expires_at timestamptz,
    password_used_at timestamptz,
    is_system_administrator boolean not null default false,
    is_disabled boolean not null default false,
    issuer text,
    subject text,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    last_login_at timestamptz,
    constraint initial_password_expires check (not must_change_password or password_expires_at is not null)
);
create unique index users_of_issuer on users (issuer, subject) where subject is not null;

create table memberships (
    user_id uuid not null references users (id) on delete cascade,
    project text not null references projects (name) on delete cascade,
    role text not null check (role in ('viewer', 'operator', 'developer', 'administrator')),
    primary key (user_id, project)
);
create index memberships_of_project on memberships (project, user_id);

-- Whoever shows the token joins the project. Tokens and secrets below are kept as SHA-256 alone.
create table invitations (
    id uuid primary key,
    token bytea not null unique,
    project text not null references projects (name) on delete cascade,
    role text not null check (role in ('viewer', 'operator', 'developer', 'administrator')),
    created_by uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_by uuid references users (id) on delete cascade,
    accepted_at timestamptz
);
create index invitations_of_project on invitations (project, id);

create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- What a browser's cookie shows; programs have tokens instead.
    cookie bytea unique,
    user_agent text not null default '',
    address text not null default '',
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    idle_until timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);
create index sessions_of_user on sessions (user_id, id);

-- Each is used once; using one again ends its session.
create table refresh_tokens (
    token bytea primary key,
    session_id uuid not null references sessions (id) on delete cascade,
    created_at timestamptz not null default now(),
    used_at timestamptz
);
create index refresh_tokens_of_session on refresh_tokens (session_id);

create table api_keys (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    project text not null references projects (name) on delete cascade,
    name text not null,
    role text not null check (role in ('viewer', 'operator', 'developer', 'administrator')),
    secret bytea not null unique,
    -- The part of the key that lists show.
    prefix text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
create index api_keys_of_user on api_keys (user_id, id);
create index api_keys_of_project on api_keys (project, id);
create unique index api_keys_by_name on api_keys (user_id, project, name) where revoked_at is null;

-- Keys that sign access tokens. A retired one signs nothing any more, and verifies what it signed.
create table signing_keys (
    kid text primary key,
    private_key bytea not null,
    public_key bytea not null,
    created_at timestamptz not null default now(),
    retired_at timestamptz
);

-- Second factors. Only steps later than the last one used are accepted.
create table totp (
    user_id uuid primary key references users (id) on delete cascade,
    secret text not null,
    last_step bigint not null default 0,
    confirmed_at timestamptz
);

create table recovery_codes (
    user_id uuid not null references users (id) on delete cascade,
    code bytea not null,
    used_at timestamptz,
    primary key (user_id, code)
);

-- Failed attempts at an account (the hash of its login, whether it exists or not) from a network.
create table guesses (
    account bytea not null,
    network text not null,
    failures integer not null,
    last_at timestamptz not null,
    blocked_until timestamptz not null default '-infinity',
    primary key (account, network)
);
create index guesses_by_time on guesses (last_at);

-- When each rate limit will be unused again (the theoretical arrival time of GCRA). A crash may forget it.
create unlogged table rates (
    key text primary key,
    arrival_at timestamptz not null,
    granted integer not null
);
create index rates_by_time on rates (arrival_at);

-- Who did what. Each row's hash covers its predecessor's, so that a change shows; see model/audit.py.
create table audit (
    seq bigint primary key,
    at timestamptz not null,
    actor text not null,
    actor_id uuid,
    action text not null,
    object text not null,
    project text not null,
    address text not null,
    result text not null check (result in ('done', 'refused', 'failed')),
    request_id text not null,
    details jsonb not null,
    previous bytea not null,
    hash bytea not null
);
create index audit_of_actor on audit (actor, seq);
create index audit_of_action on audit (action, seq);
create index audit_of_project on audit (project, seq);
create index audit_of_object on audit (object, seq);
create index audit_by_time on audit (at, seq);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only' using errcode = 'integrity_constraint_violation';
end
$$;
create trigger audit_is_append_only before update or delete or truncate on audit
for each statement execute function refuse_change();
