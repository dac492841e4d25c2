-- What orchestrators record as work proceeds, and read back when they claim what others have begun.

-- name: commit
-- Everything that happened to any number of workflows in a moment, in one statement and so in one transaction. Rows of
-- workflows that the writer no longer holds are dropped; the answer names those it holds. The first committed report
-- of a task wins.
with held as (
    select workflows.id, workflows.status
    from workflows
    join unnest($1::text::uuid[], $2::text::bigint[]) as given (id, epoch)
        on workflows.id = given.id
        and workflows.epoch = given.epoch
    order by workflows.id
    for update of workflows
),
saved_tasks as (
    insert into tasks (
        workflow_id, step, partition, digest, size, form, inline, rows, rejects, started_at, wall_s, cpu_s, worker,
        is_cached, peak_bytes
    )
    select
        workflow_id, step, partition, digest, size, form, inline, rows, rejects, to_timestamp(started_at), wall_s,
        cpu_s, worker, is_cached, peak_bytes
    from unnest(
        $3::text::uuid[], $4::text::smallint[], $5::text::integer[], $6::text::bytea[], $7::text::bigint[], $8::text::text[], $9::text::bytea[], $10::text::bigint[],
        $11::text::integer[], $12::text::double precision[], $13::text::double precision[], $14::text::double precision[], $15::text::text[],
        $16::text::boolean[], $17::text::bigint[]
    ) as given (
        workflow_id, step, partition, digest, size, form, inline, rows, rejects, started_at, wall_s, cpu_s, worker,
        is_cached, peak_bytes
    )
    where (workflow_id in (select id from held)) is true -- So it is hashed, and never a loop over all that are held.
    on conflict do nothing
),
saved_steps as (
    insert into steps (
        workflow_id, position, status, partitions, done, running, reason, rows, rejects, cached, wall_s, cpu_s,
        started_at, finished_at
    )
    select
        workflow_id, position, status, partitions, done, running, reason, rows, rejects, cached, wall_s, cpu_s,
        case when running > 0 or started_at is not null then coalesce(to_timestamp(started_at), clock_timestamp()) end,
        to_timestamp(finished_at)
    from unnest(
        $18::text::uuid[], $19::text::smallint[], $20::text::text[], $21::text::integer[], $22::text::integer[], $23::text::integer[], $24::text::text[],
        $25::text::bigint[], $26::text::bigint[], $27::text::bigint[], $28::text::double precision[], $29::text::double precision[],
        $30::text::double precision[], $31::text::double precision[]
    ) as given (
        workflow_id, position, status, partitions, done, running, reason, rows, rejects, cached, wall_s, cpu_s,
        started_at, finished_at
    )
    where (workflow_id in (select id from held)) is true
    on conflict (workflow_id, position) do update
    set status = excluded.status,
        partitions = excluded.partitions,
        done = excluded.done,
        running = excluded.running,
        reason = excluded.reason,
        rows = excluded.rows,
        rejects = excluded.rejects,
        cached = excluded.cached,
        wall_s = excluded.wall_s,
        cpu_s = excluded.cpu_s,
        started_at = excluded.started_at,
        finished_at = excluded.finished_at
),
-- A cancel that was asked for while the holder was on its way to a pause is not forgotten.
reached as (
    select
        id,
        case
            when is_cancelling and status = 'pausing' then 'cancelling'
            when is_cancelling and status = 'paused' then 'cancelled'
            else status
        end as status,
        error
    from (
        select id, status, error, (id in (select id from held where status = 'cancelling')) is true as is_cancelling
        from unnest($32::text::uuid[], $33::text::text[], $34::text::jsonb[]) as given (id, status, error)
        where (id in (select id from held)) is true
    ) as given
),
saved_statuses as (
    update workflows
    set status = given.status,
        error = given.error,
        holder = case when given.status in ('paused', 'succeeded', 'failed', 'cancelled') then null else holder end,
        finished_at = case when given.status in ('succeeded', 'failed', 'cancelled') then clock_timestamp() end,
        drained_at = case when given.status = 'paused' then clock_timestamp() end
    from reached as given
    where workflows.id = given.id
    returning workflows.id, given.status, given.error
),
history as (
    insert into events (workflow_id, kind, data)
    select id, status, coalesce(error, '{}')
    from saved_statuses
)
select id, (select count(pg_notify('eopiez_status', payload)) from unnest($35::text[]) as payload) as told
from held

-- name: finished_tasks
-- What a claimed workflow has already done, one row per step.
select
    step,
    array_agg(partition) as partitions,
    sum(rows)::bigint as rows,
    sum(wall_s) as wall_s,
    sum(cpu_s) as cpu_s,
    count(*) filter (where is_cached) as cached,
    extract(epoch from min(started_at))::double precision as started_at,
    max(extract(epoch from started_at) + wall_s)::double precision as ended_at
from tasks
where workflow_id = $1
group by step

-- name: moved_steps
-- What the counters of steps alone tell: how many partitions there are, if that is known, and from when on their time
-- limits count.
select position, partitions, coalesce(extract(epoch from started_at) + frozen_s, 0)::double precision as begun_at
from steps
where workflow_id = $1

-- name: unfinished_tasks
-- Attempts that count against tasks without a result.
select
    step,
    partition,
    count(*) filter (where outcome not in ('lost', 'out_of_memory'))::integer as failures,
    count(*) filter (where outcome = 'lost')::integer as losses,
    coalesce(
        extract(epoch from max(retry_at) filter (where outcome not in ('lost', 'out_of_memory'))), 0
    )::double precision as retry_at,
    count(*) filter (where outcome = 'out_of_memory')::integer as shortages,
    max(retry_memory_bytes) as memory_bytes
from attempts
where workflow_id = $1
    and not is_forgiven
group by step, partition

-- name: quarantine
-- Quarantine workflows that could not be driven any further. The epoch moves, so that no more of theirs is written.
with given as (
    select *
    from unnest($1::uuid[], $2::bigint[], $3::jsonb[]) as given (id, epoch, error)
),
aside as (
    update workflows
    set status = 'quarantined',
        epoch = workflows.epoch + 1,
        holder = null,
        finished_at = clock_timestamp(),
        error = given.error
    from given
    where workflows.id = given.id
        and workflows.epoch = given.epoch
        and status in ('queued', 'running', 'pausing', 'cancelling')
    returning workflows.id, workflows.error
),
history as (
    insert into events (workflow_id, kind, data)
    select id, 'quarantined', error
    from aside
),
cleared as (
    update steps
    set running = 0
    from aside
    where workflow_id = aside.id
        and running > 0
)
select id, pg_notify('eopiez_status', id::text)
from aside
