-- The audit log: append-only, and chained by hashes.

-- name: lock_audit
-- Let one writer at a time extend the chain. The server ends a writer that is frozen for so long, and others go on.
select
    set_config('idle_in_transaction_session_timeout', $1, true),
    pg_advisory_xact_lock(hashtextextended('eopiez.audit', 0))

-- name: audit_head
-- The end of the chain.
select seq, hash
from audit
order by seq desc
limit 1

-- name: append_audit
-- The next rows.
insert into audit (
    seq, at, actor, actor_id, action, object, project, address, result, request_id, details, previous, hash
)
select *
from unnest(
    $1::bigint[], $2::timestamptz[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::jsonb[], $12::bytea[], $13::bytea[]
)

-- name: audit_hash
-- The hash of a row.
select hash
from audit
where seq = $1

-- name: audit_rows
-- Rows in order, after one.
select seq, at, actor, actor_id, action, object, project, address, result, request_id, details, previous, hash
from audit
where seq > $1
order by seq
limit $2

-- name: audit_page
-- The newest rows before one, by who, what, on what, in which project, with which result, and when.
select seq, at, actor, actor_id, action, object, project, address, result, request_id, details, previous, hash
from audit
where seq < $1
    and ($2::text is null or actor = $2)
    and ($3::text is null or action = $3)
    and ($4::text is null or object = $4)
    and ($5::text is null or project = $5)
    and ($6::text is null or result = $6)
    and ($7::timestamptz is null or at >= $7)
    and ($8::timestamptz is null or at < $8)
order by seq desc
limit $9
