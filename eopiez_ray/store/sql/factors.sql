-- Second factors, recovery codes, and failed attempts.

-- name: propose_totp
-- A secret to be confirmed; nothing if another is confirmed.
insert into totp (user_id, secret)
values ($1, $2)
on conflict (user_id) do update
set secret = excluded.secret,
    last_step = 0
where totp.confirmed_at is null
returning user_id

-- name: proposed_totp
-- The secret that is to be confirmed.
select secret
from totp
where user_id = $1
    and confirmed_at is null

-- name: confirm_totp
-- From now on it is asked for.
update totp
set confirmed_at = now(),
    last_step = $3
where user_id = $1
    and secret = $2
    and confirmed_at is null
returning user_id

-- name: use_totp_step
-- Use a step once, on all replicas together.
update totp
set last_step = $2
where user_id = $1
    and last_step < $2
returning user_id

-- name: drop_totp
-- No second factor any more.
delete from totp
where user_id = $1
returning user_id

-- name: drop_recovery_codes
-- Codes that hold no longer.
delete from recovery_codes
where user_id = $1

-- name: add_recovery_codes
-- New codes.
insert into recovery_codes (user_id, code)
select $1, code
from unnest($2::bytea[]) as code

-- name: use_recovery_code
-- Use a code once.
update recovery_codes
set used_at = now()
where user_id = $1
    and code = $2
    and used_at is null
returning user_id

-- name: count_recovery_codes
-- How many are left.
select count(*) as codes
from recovery_codes
where user_id = $1
    and used_at is null

-- name: open_guess
-- What is known of failures, locked, so that attempts at once are counted one after the other.
insert into guesses (account, network, failures, last_at)
values ($1, $2, 0, now())
on conflict (account, network) do update
set failures = guesses.failures
returning
    failures,
    extract(epoch from clock_timestamp() - last_at)::float8 as since_last_s,
    case when blocked_until = '-infinity' then -1
    else extract(epoch from blocked_until - clock_timestamp()) end::float8 as blocked_s

-- name: count_guess
-- An attempt that counts as failed until it succeeds.
update guesses
set failures = $3,
    last_at = clock_timestamp(),
    blocked_until = clock_timestamp() + $4::interval
where account = $1
    and network = $2

-- name: forgive_guesses
-- It was the owner.
delete from guesses
where account = $1
    and network = $2

-- name: forget_guesses
-- Failures of long ago.
delete from guesses
where last_at < now() - $1::interval
