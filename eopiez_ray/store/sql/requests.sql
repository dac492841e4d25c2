-- Requests to workflows: pause, cancel, resume and retry.

-- name: lock_selected
-- The next workflows that a request applies to, locked in order of their ids; is_held says which of them a living
-- orchestrator drives.
with entitled as materialized (
    select leaseholders.id
    from leaseholders
),
locked as (
    select id, name, status, request, holder
    from workflows
    where ($1::uuid[] is null or id = any($1))
        and labels @> $2::jsonb
        and ($3::text is null or owner = $3)
        and ($4::text is null or name = $4)
        and ($5::text[] is null or status = any($5))
        and (
            $6::text is null
            or status = 'quarantined' and error ->> 'error_type' = $6
            or exists (
                select from attempts
                where workflow_id = workflows.id
                    and error_type = $6
                    and retry_at is null
                    and not is_forgiven
            )
        )
        and ($7::text[] is null or project = any($7))
        and ($8::uuid is null or id > $8)
    order by id
    limit $9
    for update
)
select
    id,
    name,
    status,
    request,
    coalesce(holder in (select id from entitled), false) as is_held
from locked
order by id

-- name: count_selected
-- How many workflows a request would apply to.
select count(*)
from workflows
where ($1::uuid[] is null or id = any($1))
    and labels @> $2::jsonb
    and ($3::text is null or owner = $3)
    and ($4::text is null or name = $4)
    and ($5::text[] is null or status = any($5))
    and (
        $6::text is null
        or status = 'quarantined' and error ->> 'error_type' = $6
        or exists (
            select from attempts
            where workflow_id = workflows.id
                and error_type = $6
                and retry_at is null
                and not is_forgiven
        )
    )
    and ($7::text[] is null or project = any($7))

-- name: ask
-- Pause or cancel locked workflows. Those that are held are on their way there, and their holders are notified; the
-- others have nothing in flight, so they are there at once.
with given as (
    select *
    from unnest($1::uuid[], $2::text[], $3::boolean[], $4::jsonb[]) as given (id, status, is_held, request)
),
asked as (
    update workflows
    set status = given.status,
        request = jsonb_build_object('verb', $5::text, 'at', statement_timestamp()) || given.request,
        epoch = case when given.is_held then epoch else epoch + 1 end,
        holder = case when given.is_held then holder end,
        finished_at = case when given.status = 'cancelled' then clock_timestamp() end,
        drained_at = case when given.status = 'paused' then clock_timestamp() end
    from given
    where workflows.id = given.id
),
history as (
    insert into events (workflow_id, kind, data)
    select id, kind, data
    from given
    cross join lateral (
        values (1, $5 || '_requested', request - 'at'), (2, case when not is_held then status end, '{}')
    ) as happened (place, kind, data)
    where kind is not null
    order by id, place
),
cleared as (
    update steps
    set running = 0
    from given
    where workflow_id = given.id
        and not given.is_held
        and running > 0
)
select count(pg_notify('eopiez_request', payload)) + count(pg_notify('eopiez_status', payload)) as told
from unnest($6::text[]) as payload

-- name: requeue
-- Put locked workflows at rest back into the queue. The epoch moves, so that nobody who held them before can write.
-- After a pause with frozen timers, retry backoff continues with the time it had left, and so do the time limits of
-- steps that have begun.
with given as (
    select
        id,
        case
            when status in ('pausing', 'paused')
                and request ->> 'verb' = 'pause'
                and request ->> 'timers' = 'frozen' then (request ->> 'at')::timestamptz
        end as frozen_at
    from workflows
    where id = any($1::uuid[])
),
queued as (
    update workflows
    set status = 'queued',
        request = jsonb_build_object('verb', $2::text, 'at', statement_timestamp()) || $3::jsonb,
        frozen_s = frozen_s + coalesce(extract(epoch from statement_timestamp() - frozen_at), 0),
        epoch = epoch + 1,
        holder = null,
        finished_at = null,
        drained_at = null,
        error = null
    from given
    where workflows.id = given.id
),
thawed as (
    update attempts
    set retry_at = retry_at + (statement_timestamp() - greatest(frozen_at, ended_at))
    from given
    where workflow_id = given.id
        and retry_at > greatest(frozen_at, ended_at)
        and frozen_at is not null
        and not is_forgiven
),
history as (
    insert into events (workflow_id, kind, data)
    select id, $2 || '_requested', $3
    from given
),
cleared as (
    update steps
    set running = 0,
        frozen_s = frozen_s + case
            when frozen_at is not null and started_at is not null and finished_at is null
                then extract(epoch from statement_timestamp() - greatest(frozen_at, started_at))
            else 0
        end
    from given
    where workflow_id = given.id
        and (running > 0 or frozen_at is not null)
)
select count(pg_notify('eopiez_work', payload)) + count(pg_notify('eopiez_status', payload)) as told
from unnest($4::text[]) as payload

-- name: forgive
-- Let failed tasks start afresh.
update attempts
set is_forgiven = true
where workflow_id = any($1::uuid[])
    and not is_forgiven

-- name: requested
-- Workflows of an orchestrator that are to be paused, cancelled or updated, and how.
select id, status, coalesce(request ->> 'mode', 'drain') as mode, wanted_plan, priority
from workflows
where holder = $1
    and (status in ('pausing', 'cancelling') or wanted_plan is not null)

-- name: given_up
-- Tasks of failed or quarantined workflows that have used up their attempts, latest first.
select
    attempts.id, workflow_id, workflow.name as workflow, spec #>> array['steps', step::text, 'name'] as step,
    partition, attempt as attempts, outcome, error_type, message, worker, ended_at
from attempts
cross join lateral (
    select name, plan
    from workflows
    where id = workflow_id
        and status in ('failed', 'quarantined')
        and labels @> $2::jsonb
        and ($3::text is null or owner = $3)
        and ($4::text is null or name = $4)
        and ($5::text[] is null or status = any($5))
        and ($7::text[] is null or project = any($7))
    offset 0 -- By the primary key, whatever the planner expects.
) as workflow
join plans on plans.digest = workflow.plan
where retry_at is null
    and not is_forgiven
    and ($1::uuid[] is null or workflow_id = any($1))
    and ($6::text is null or error_type = $6)
    and ($8::bigint is null or attempts.id < $8)
order by attempts.id desc
limit $9

-- name: set_aside
-- Quarantined workflows and why, the newest first.
select id as workflow_id, name as workflow, error ->> 'error_type' as error_type, error ->> 'message' as message,
    finished_at as at
from workflows
where status = 'quarantined'
    and ($1::uuid[] is null or id = any($1))
    and labels @> $2::jsonb
    and ($3::text is null or owner = $3)
    and ($4::text is null or name = $4)
    and ($5::text[] is null or status = any($5))
    and ($6::text is null or error ->> 'error_type' = $6)
    and ($7::text[] is null or project = any($7))
order by id desc
limit $8
