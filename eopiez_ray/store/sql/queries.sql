-- name: add_phase
-- Keep a phase's code; equal digests are the same code.
insert into phases (digest, name, version, kind, code)
values ($1, $2, $3, $4, $5)
on conflict do nothing

-- name: phase_code
-- The code of some phases.
select digest, code
from phases
where digest = any($1::text[])

-- name: add_plan
-- Keep a plan; equal digests are the same plan.
insert into plans (digest, spec)
values ($1, $2)
on conflict do nothing

-- name: plan
-- A plan by its digest.
select spec
from plans
where digest = $1

-- name: add_workflows
-- New workflows: held at once by the orchestrator that is named, or waiting in the queue. Those whose owner has used
-- the idempotency key before are left out of the answer.
with added as (
    insert into workflows (
        id, name, plan, status, owner, priority, labels, idempotency_key, epoch, holder, lease_until, started_at
    )
    select
        id, name, plan, case when holder is null then 'queued' else 'running' end, owner, priority, labels,
        idempotency_key, case when holder is null then 0 else 1 end, holder,
        case when holder is not null then clock_timestamp() + $9::interval end,
        case when holder is not null then clock_timestamp() end
    from unnest(
        $1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::jsonb[], $7::text[], $8::uuid[]
    ) as given (id, name, plan, owner, priority, labels, idempotency_key, holder)
    on conflict (owner, idempotency_key) where idempotency_key is not null do nothing
    returning id, holder
),
history as (
    insert into events (workflow_id, kind)
    select id, 'created'
    from added
)
select id, case when holder is null then pg_notify('eopiez_work', id::text) end
from added

-- name: idempotent_workflow
-- The workflow that an owner has made with this key.
select id, plan
from workflows
where owner = $1
    and idempotency_key = $2

-- name: add_event
-- A line of the workflow's history.
insert into events (workflow_id, kind, data)
values ($1, $2, $3)
returning id

-- name: register_orchestrator
-- A new driver of workflows, and the key of the advisory lock that shows that it lives.
insert into orchestrators (id, name, host, pid, cluster)
values ($1, $2, $3, $4, $5)
returning lock_key

-- name: peers
-- Other living orchestrators: those that take any workflow, and those that drive some on the same cluster. What this
-- one takes is told to them.
with told as (
    update orchestrators
    set takes_any = $3
    where id = $1
        and takes_any <> $3
)
select
    count(*) filter (where takes_any)::integer as takers,
    count(*) filter (where cluster = $2 and exists (select from workflows where holder = orchestrators.id))::integer
        as neighbours
from living_orchestrators as orchestrators
where orchestrators.id <> $1

-- name: living_orchestrators
-- Those of the given orchestrators whose session still holds its lock.
select orchestrators.id
from living_orchestrators as orchestrators
where orchestrators.id = any($1::uuid[])

-- name: claim
-- Take workflows that nobody drives: never held, given back, or whose holder's lease ran out or whose session is gone.
-- Priority comes first; then owners take turns by their weights, one who drives much here already coming later.
-- The lock on the row makes two claimers take different ones; the new epoch fences the old holder. While the server
-- has just started, every session is gone: living holders get some seconds to come back, and keep what they drive.
with recursive living as materialized (
    select orchestrators.id
    from living_orchestrators as orchestrators
),
-- One step in the index for each owner, however many workflows they have.
owners as (
    (
        select owner
        from workflows
        where holder is null
            and status in ('queued', 'running', 'pausing', 'cancelling')
        order by owner
        limit 1
    )
    union all
    select (
        select workflows.owner
        from workflows
        where holder is null
            and status in ('queued', 'running', 'pausing', 'cancelling')
            and workflows.owner > owners.owner
        order by workflows.owner
        limit 1
    )
    from owners
    where owners.owner is not null
),
candidates as (
    select first.id, first.priority, owners.owner
    from owners
    cross join lateral (
        select id, priority
        from workflows
        where holder is null
            and status in ('queued', 'running', 'pausing', 'cancelling')
            and workflows.owner = owners.owner
        order by priority desc, id
        limit 2 * $3
    ) as first
    union all
    select id, priority, owner
    from workflows
    where holder is not null
        and status in ('running', 'pausing', 'cancelling')
        and (
            lease_until < clock_timestamp()
            or (
                pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'
                and holder not in (select id from living)
            )
        )
),
-- More than are wanted, for another claimer may be taking the first ones.
ranked as (
    select
        id,
        (coalesce(driven, 0) + row_number() over (partition by owner, candidates.priority order by id))
            / coalesce(weight, 1) as turn
    from candidates
    left join unnest($4::text[], $5::bigint[]) as busy (owner, driven) using (owner)
    left join weights using (owner)
    where candidates.priority > $6::integer
    order by candidates.priority desc, turn, id
    limit 4 * $3
),
claimable as (
    select workflows.id, holder as previous
    from workflows
    join ranked on ranked.id = workflows.id
    where workflows.id = any(array(select id from ranked)) -- By the primary key, whatever the planner expects.
        and status in ('queued', 'running', 'pausing', 'cancelling')
        and (
            holder is null
            or lease_until < clock_timestamp()
            or (
                pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'
                and holder not in (select id from living)
            )
        )
    order by priority desc, turn, workflows.id
    limit $3
    for update of workflows skip locked
)
update workflows
set holder = $1,
    epoch = epoch + 1,
    lease_until = clock_timestamp() + $2::interval,
    status = case when status = 'queued' then 'running' else status end,
    started_at = coalesce(started_at, clock_timestamp()),
    drained_at = null
from claimable
where workflows.id = claimable.id
returning workflows.id, plan, status, epoch, owner, priority, labels, previous

-- name: claim_named
-- As claim, among the given workflows alone and without turns.
with claimable as (
    select id, holder as previous
    from workflows
    where id = any($2::uuid[])
        and status in ('queued', 'running', 'pausing', 'cancelling')
        and (
            holder is null
            or lease_until < clock_timestamp()
            or (
                pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'
                and not exists (
                    select from living_orchestrators as orchestrators
                    where orchestrators.id = holder
                )
            )
        )
    order by priority desc, id
    limit $4
    for update skip locked
)
update workflows
set holder = $1,
    epoch = epoch + 1,
    lease_until = clock_timestamp() + $3::interval,
    status = case when status = 'queued' then 'running' else status end,
    started_at = coalesce(started_at, clock_timestamp()),
    drained_at = null
from claimable
where workflows.id = claimable.id
returning workflows.id, plan, status, epoch, owner, priority, labels, previous

-- name: clear_in_flight
-- What was in flight when workflows were left is in flight no more, as far as anybody knows.
update steps
set running = 0
where workflow_id = any($1::uuid[])
    and running > 0

-- name: renew
-- Hold on to workflows; those missing from the answer are lost.
update workflows
set lease_until = clock_timestamp() + $3::interval
from unnest($1::uuid[], $2::bigint[]) as held (id, epoch)
where workflows.id = held.id
    and workflows.epoch = held.epoch
    and workflows.status in ('running', 'pausing', 'cancelling')
returning workflows.id

-- name: release
-- Give workflows back to the queue's readers, unfinished: another orchestrator may claim them at once.
with released as (
    update workflows
    set holder = null,
        lease_until = null
    from unnest($1::uuid[], $2::bigint[]) as held (id, epoch)
    where workflows.id = held.id
        and workflows.epoch = held.epoch
    returning workflows.id
)
select pg_notify('eopiez_work', id::text)
from released

-- name: commit
-- All that happened to any number of workflows in a moment, in one statement and so in one transaction. Rows of
-- workflows that the writer no longer holds are dropped; the answer names those that it does hold. The first
-- committed report of a task wins.
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
    where workflow_id in (select id from held)
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
    where workflow_id in (select id from held)
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
        given.id,
        case
            when held.status = 'cancelling' and given.status = 'pausing' then 'cancelling'
            when held.status = 'cancelling' and given.status = 'paused' then 'cancelled'
            else given.status
        end as status,
        given.error
    from unnest($32::text::uuid[], $33::text::text[], $34::text::jsonb[]) as given (id, status, error)
    join held on held.id = given.id
),
saved_statuses as (
    update workflows
    set status = given.status,
        error = given.error,
        holder = case when given.status in ('paused', 'succeeded', 'failed', 'cancelled') then null else holder end,
        lease_until = case
            when given.status in ('paused', 'succeeded', 'failed', 'cancelled') then null
            else lease_until
        end,
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

-- name: quarantine
-- Set workflows aside that could not be driven on. The epoch moves, so that nothing of theirs is written any more.
with given as (
    select *
    from unnest($1::uuid[], $2::bigint[], $3::jsonb[]) as given (id, epoch, error)
),
aside as (
    update workflows
    set status = 'quarantined',
        epoch = workflows.epoch + 1,
        holder = null,
        lease_until = null,
        finished_at = clock_timestamp(),
        error = given.error
    from given
    where workflows.id = given.id
        and workflows.epoch = given.epoch
        and status in ('running', 'pausing', 'cancelling')
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

-- name: fence
-- Those of the given workflows that the writer still holds, locked until the transaction ends.
select workflows.id
from workflows
join unnest($1::uuid[], $2::bigint[]) as held (id, epoch) on workflows.id = held.id and workflows.epoch = held.epoch
order by workflows.id
for update of workflows

-- name: save_attempts
-- Attempts without a result.
insert into attempts (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, retry_at,
    retry_memory_bytes
)
select
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, to_timestamp(started_at),
    to_timestamp(retry_at), retry_memory_bytes
from unnest(
    $1::uuid[], $2::smallint[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::double precision[], $11::double precision[], $12::bigint[]
) as given (
    workflow_id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, retry_at,
    retry_memory_bytes
)

-- name: save_plans
-- Plans by which workflows go on.
with updated as (
    update workflows
    set plan = given.plan,
        plan_version = plan_version + 1,
        wanted_plan = null
    from unnest($1::uuid[], $2::text[]) as given (id, plan)
    where workflows.id = given.id
    returning workflows.id, given.plan, plan_version
),
history as (
    insert into events (workflow_id, kind, data)
    select id, 'updated', jsonb_build_object('plan', plan, 'version', plan_version)
    from updated
)
select pg_notify('eopiez_status', id::text)
from updated

-- name: answer_update
-- Drop a wanted plan, with the reason if the workflow cannot go on by it.
with answered as (
    update workflows
    set wanted_plan = null
    where id = $1
        and epoch = $2
        and wanted_plan is not null
    returning id
),
history as (
    insert into events (workflow_id, kind, data)
    select
        id, case when $3::text = '' then 'updated' else 'update_refused' end,
        case when $3::text = '' then '{}' else jsonb_build_object('reason', $3::text) end
    from answered
)
select pg_notify('eopiez_status', id::text)
from answered

-- name: save_interruptions
-- How many tasks were stopped on purpose and handed back.
insert into events (workflow_id, kind, data)
select workflow_id, 'tasks_interrupted', jsonb_build_object('tasks', tasks)
from unnest($1::uuid[], $2::integer[]) as given (workflow_id, tasks)

-- name: save_losses
-- Calls of several tasks that were lost, nobody knows by which task; all were handed back.
insert into events (workflow_id, kind, data)
select workflow_id, 'worker_lost', jsonb_build_object('tasks', tasks, 'reason', reason, 'worker', worker)
from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) as given (workflow_id, tasks, reason, worker)

-- name: save_rejects
-- Quarantined rows, once a task.
insert into rejects (workflow_id, step, partition, ordinal, source, reason, sample, rows)
select *
from unnest(
    $1::uuid[], $2::smallint[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::bigint[]
)
on conflict do nothing

-- name: save_logs
-- What phases logged and printed.
insert into logs (workflow_id, at, step, partition, level, message)
select workflow_id, to_timestamp(at), step, partition, level, message
from unnest($1::uuid[], $2::double precision[], $3::smallint[], $4::integer[], $5::text[], $6::text[])
    as given (workflow_id, at, step, partition, level, message)

-- name: finished_tasks
-- What a claimed workflow has already done, a row a step.
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

-- name: rejects_by_step
-- How many rows each step has put into quarantine, by reason.
select step, reason, sum(rows)::bigint as rows
from rejects
where workflow_id = $1
group by step, reason

-- name: lookup_cache
-- Results that equal tasks have left.
select key, digest, size, form, inline, rows
from cache
where key = any($1::bytea[])

-- name: save_cache
-- Results for equal tasks to come.
insert into cache (key, digest, size, form, inline, rows)
select *
from unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::text[], $5::bytea[], $6::bigint[])
on conflict do nothing

-- name: forget_cache
-- A cached result whose artifact is gone.
delete from cache
where key = $1

-- name: outputs
-- Outputs of the named tasks.
select tasks.step, tasks.partition, digest, size, form, inline
from tasks
join unnest($2::smallint[], $3::integer[]) as wanted (step, partition) using (step, partition)
where workflow_id = $1

-- name: step_outputs
-- All outputs of a step, in order.
select partition, digest, size, form, inline
from tasks
where workflow_id = $1
    and step = $2
order by partition

-- name: lock_selected
-- The next workflows that a request means, locked in order of their ids; is_held says which of them a living
-- orchestrator drives.
with living as materialized (
    select orchestrators.id
    from living_orchestrators as orchestrators
),
locked as (
    select id, name, status, request, holder, lease_until
    from workflows
    where ($1::uuid[] is null or id = any($1))
        and labels @> $2::jsonb
        and ($3::text is null or owner = $3)
        and ($4::text is null or name = $4)
        and ($5::text[] is null or status = any($5))
        and (
            $6::text is null
            or exists (
                select from attempts
                where workflow_id = workflows.id
                    and error_type = $6
                    and retry_at is null
                    and not is_forgiven
            )
        )
        and ($7::uuid is null or id > $7)
    order by id
    limit $8
    for update
)
select
    id,
    name,
    status,
    request,
    coalesce(holder in (select id from living) and lease_until >= clock_timestamp(), false) as is_held
from locked
order by id

-- name: count_selected
-- How many workflows a request would mean.
select count(*)
from workflows
where ($1::uuid[] is null or id = any($1))
    and labels @> $2::jsonb
    and ($3::text is null or owner = $3)
    and ($4::text is null or name = $4)
    and ($5::text[] is null or status = any($5))
    and (
        $6::text is null
        or exists (
            select from attempts
            where workflow_id = workflows.id
                and error_type = $6
                and retry_at is null
                and not is_forgiven
        )
    )

-- name: is_held
-- Whether a living orchestrator drives the workflow.
select
    holder is not null
        and lease_until >= clock_timestamp()
        and exists (
            select from living_orchestrators as orchestrators
            where orchestrators.id = holder
        ) as is_held
from workflows
where id = $1

-- name: ask
-- Let locked workflows be paused or cancelled. Those that are held are on their way there, and their holders hear of
-- it; of the others nothing is in flight, so they are there at once.
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
        lease_until = case when given.is_held then lease_until end,
        finished_at = case when given.status = 'cancelled' then clock_timestamp() end,
        drained_at = case when given.status = 'paused' then clock_timestamp() end
    from given
    where workflows.id = given.id
),
history as (
    insert into events (workflow_id, kind, data)
    select id, $5 || '_requested', request - 'at'
    from given
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
-- After a pause with frozen timers, attempts that wait for their moment wait as long as they still had to, and steps
-- that have begun have as much of their time left as they had.
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
        lease_until = null,
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
-- Let failed tasks start anew.
update attempts
set is_forgiven = true
where workflow_id = any($1::uuid[])
    and not is_forgiven

-- name: requested
-- Workflows of an orchestrator that somebody wants paused, cancelled or updated, and how.
select id, status, coalesce(request ->> 'mode', 'drain') as mode, wanted_plan, priority
from workflows
where holder = $1
    and (status in ('pausing', 'cancelling') or wanted_plan is not null)

-- name: workflow
-- One workflow with its plan.
select
    id, workflows.name, spec as plan, plan_version, status, owner, priority, labels, epoch, workflows.created_at,
    started_at, finished_at, drained_at, error, request, frozen_s,
    case
        when status in ('pausing', 'cancelling') then (
            select coalesce(sum(running), 0)
            from steps
            where workflow_id = workflows.id
        )
        else 0
    end as in_flight
from workflows
join plans on plans.digest = workflows.plan
where id = $1

-- name: workflows
-- Workflows with their plans, newest first.
select
    id, workflows.name, spec as plan, plan_version, status, owner, priority, labels, epoch, workflows.created_at,
    started_at, finished_at, drained_at, error, request, frozen_s,
    case
        when status in ('pausing', 'cancelling') then (
            select coalesce(sum(running), 0)
            from steps
            where workflow_id = workflows.id
        )
        else 0
    end as in_flight
from workflows
join plans on plans.digest = workflows.plan
where ($1::text is null or status = $1)
    and ($2::uuid is null or id < $2)
order by id desc
limit $3

-- name: statuses
-- Where workflows stand.
select id, status
from workflows
where id = any($1::uuid[])

-- name: plans_of
-- The plans of workflows, each with those that follow it.
select spec as plan, array_agg(id) as workflows
from workflows
join plans on plans.digest = workflows.plan
where id = any($1::uuid[])
group by plans.digest

-- name: given_up
-- Tasks of failed workflows that have used up their attempts, the last ones first.
select
    attempts.id, workflow_id, workflows.name as workflow, spec #>> array['steps', step::text, 'name'] as step,
    partition, attempt as attempts, outcome, error_type, message, worker, ended_at
from attempts
join workflows on workflows.id = workflow_id
join plans on plans.digest = workflows.plan
where retry_at is null
    and not is_forgiven
    and workflows.status = 'failed'
    and ($1::uuid[] is null or workflow_id = any($1))
    and labels @> $2::jsonb
    and ($3::text is null or owner = $3)
    and ($4::text is null or workflows.name = $4)
    and ($5::text[] is null or workflows.status = any($5))
    and ($6::text is null or error_type = $6)
    and ($7::bigint is null or attempts.id < $7)
order by attempts.id desc
limit $8

-- name: workflows_by_prefix
-- Workflows whose id begins or ends so, for people who type.
select id
from workflows
where id::text like $1 || '%'
    or id::text like '%' || $1
order by id desc
limit 2

-- name: steps
-- Steps of a workflow, in the order of its plan; those that have not moved have no row of their own, and those whose
-- values came with the plan never move.
select
    (number - 1)::integer as position,
    planned ->> 'name' as name,
    planned #>> '{phase,name}' as phase,
    planned #>> '{phase,kind}' as kind,
    coalesce(steps.status, case when given is null then 'waiting' else 'succeeded' end) as status,
    coalesce(partitions, given) as partitions,
    coalesce(done, given, 0) as done,
    coalesce(running, 0) as running,
    coalesce(reason, '') as reason,
    coalesce(rows, 0) as rows,
    coalesce(rejects, 0) as rejects,
    coalesce(cached, 0) as cached,
    coalesce(wall_s, 0) as wall_s,
    coalesce(cpu_s, 0) as cpu_s,
    steps.started_at,
    steps.finished_at
from workflows
join plans on plans.digest = workflows.plan
cross join jsonb_array_elements(spec -> 'steps') with ordinality as listed (planned, number)
cross join lateral (
    select case when planned #>> '{phase,kind}' = 'values' then (planned #>> '{parameters,count}')::integer end as given
) as values_of_plan
left join steps on steps.workflow_id = workflows.id and steps.position = number - 1
where workflows.id = $1
order by number

-- name: events
-- History of a workflow after the given event.
select id, at, kind, data
from events
where workflow_id = $1
    and id > $2
order by id
limit $3

-- name: rejects
-- Quarantined rows in order.
select spec #>> array['steps', step::text, 'name'] as step, partition, source, reason, sample, rows
from rejects
join workflows on workflows.id = workflow_id
join plans on plans.digest = workflows.plan
where workflow_id = $1
order by rejects.step, partition, ordinal

-- name: task_times
-- When each finished task ran, for a picture of the run.
select step, partition, started_at, wall_s, cpu_s, worker, is_cached
from tasks
where workflow_id = $1
order by started_at
limit $2

-- name: delete_workflow
-- Forget a workflow at rest and all its rows.
with forgotten as (
    delete from workflows
    where id = $1
        and status in ('paused', 'succeeded', 'failed', 'cancelled', 'quarantined')
    returning id
),
forgotten_steps as (delete from steps where workflow_id in (select id from forgotten)),
forgotten_tasks as (delete from tasks where workflow_id in (select id from forgotten)),
forgotten_attempts as (delete from attempts where workflow_id in (select id from forgotten)),
forgotten_events as (delete from events where workflow_id in (select id from forgotten)),
forgotten_logs as (delete from logs where workflow_id in (select id from forgotten)),
forgotten_rejects as (delete from rejects where workflow_id in (select id from forgotten))
select id
from forgotten

-- name: forgettable
-- Workflows that ended before the given moment, the newest of all that ended left out.
select id
from (
    select id, finished_at, row_number() over (order by id desc) as place
    from workflows
    where status in ('succeeded', 'failed', 'cancelled', 'quarantined')
) as ended
where place > $2
    and finished_at < $1

-- name: forget_old_cache
-- Drop cached results from before the given moment.
delete from cache
where created_at < $1

-- name: live_digests
-- Artifacts that something refers to.
select digest
from tasks
where inline is null
union
select digest
from cache
where inline is null

-- name: save_profiles
-- What has been learned of phases.
insert into profiles (digest, name, version, tasks, wall_s, cpu_s, peak_bytes)
select *
from unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::double precision[], $6::double precision[], $7::bigint[]
)
on conflict (digest) do update
set tasks = profiles.tasks + excluded.tasks,
    wall_s = excluded.wall_s,
    cpu_s = excluded.cpu_s,
    peak_bytes = greatest(profiles.peak_bytes, excluded.peak_bytes),
    updated_at = now()

-- name: lock_for_update
-- A workflow's row, locked, for a change of its plan.
select
    id, plan, plan_version, status, owner, priority, labels, epoch, holder as previous,
    holder is not null
        and lease_until >= clock_timestamp()
        and exists (
            select from living_orchestrators as orchestrators
            where orchestrators.id = holder
        ) as is_held
from workflows
where id = $1
for update of workflows

-- name: answer_to_update
-- What the holder has said to a wish for an update.
select kind, data
from events
where workflow_id = $1
    and id > $2
    and kind in ('updated', 'update_refused')
order by id
limit 1

-- name: want_update
-- Priority and labels at once, and a plan that the holder is to adopt or refuse.
update workflows
set wanted_plan = $2,
    priority = $3,
    labels = $4
where id = $1

-- name: limits
-- All limits.
select kind, name, maximum
from limits
order by kind, name

-- name: weights
-- All weights.
select owner, weight
from weights
order by owner

-- name: set_limit
-- A limit, new or changed.
with changed as (
    insert into limits (kind, name, maximum)
    values ($1, $2, $3)
    on conflict (kind, name) do update
    set maximum = excluded.maximum
    returning name
)
select pg_notify('eopiez_rules', name)
from changed

-- name: lift_limit
-- A limit that no longer holds.
with lifted as (
    delete from limits
    where kind = $1
        and name = $2
    returning name
)
select pg_notify('eopiez_rules', name)
from lifted

-- name: set_weight
-- An owner's part of the cluster.
with changed as (
    insert into weights (owner, weight)
    values ($1, $2)
    on conflict (owner) do update
    set weight = excluded.weight
    returning owner
)
select pg_notify('eopiez_rules', owner)
from changed

-- name: drop_permits
-- Give back permits of limits that are not named.
delete from permits
where orchestrator = $1
    and (kind, name) not in (select * from unnest($2::text[], $3::text[]))

-- name: lock_limit
-- A limit's maximum, locked: permits are given by one transaction at a time.
select maximum
from limits
where kind = $1
    and name = $2
for update

-- name: other_permits
-- What other living orchestrators hold and want of a limit.
select held, wanted
from permits
join living_orchestrators as orchestrators on orchestrators.id = orchestrator
where permits.kind = $1
    and permits.name = $2
    and orchestrator <> $3

-- name: save_permits
-- What an orchestrator holds and wants of a limit.
insert into permits (kind, name, orchestrator, held, wanted)
values ($1, $2, $3, $4, $5)
on conflict (kind, name, orchestrator) do update
set held = excluded.held,
    wanted = excluded.wanted

-- name: save_workers
-- Where new workers are.
insert into workers (name, orchestrator, node, host, pid, actor)
select *
from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::text[])
on conflict do nothing

-- name: bequeath
-- Let others take a leaving orchestrator for dead, and so its workflows and the workers that it leaves them.
select pg_advisory_unlock($1), pg_notify('eopiez_work', 'handed over')

-- name: driver
-- Which living orchestrator drives a workflow.
select orchestrators.name, host, orchestrators.pid, orchestrators.started_at
from workflows
join living_orchestrators as orchestrators on orchestrators.id = holder
where workflows.id = $1
    and lease_until >= clock_timestamp()

-- name: step_names
-- Names of a workflow's steps, in the order of its plan; no row if there is no such workflow.
select spec #> '{steps}' as steps
from workflows
join plans on plans.digest = workflows.plan
where id = $1

-- name: tasks
-- A page of finished tasks, in order of step and partition after the given one, with where they ran. Without a filter
-- it is a stretch of the primary key; plan it with its arguments known, so that a filter can have its own index.
with page as (
    select step, partition, rows, rejects, size, started_at, wall_s, cpu_s, peak_bytes, is_cached, worker
    from tasks
    where workflow_id = $1
        and (step, partition) > ($2::smallint, $3::integer)
        and step <= $4::smallint
        and ($5::text is null or worker = $5)
        and (
            ($6::text is null and $7::text is null)
            or worker = any(array(
                select name
                from workers
                where ($6 is null or host = $6)
                    and ($7 is null or node = $7)
            ))
        )
        and ($8::double precision is null or wall_s > $8)
        and ($9::bigint is null or peak_bytes > $9)
        and (not $10::boolean or is_cached)
        and (not $11::boolean or rejects > 0)
    order by step, partition
    limit $12
)
select page.*, coalesce(node, '') as node, coalesce(host, '') as host, pid, coalesce(actor, '') as actor
from page
left join workers on workers.name = page.worker
order by step, partition

-- name: attempts
-- A page of attempts that ended without a result, oldest first after the given one, with where they ran.
with page as (
    select
        id, step, partition, attempt, outcome, error_type, message, traceback, worker, started_at, ended_at, retry_at,
        retry_memory_bytes, is_forgiven
    from attempts
    where workflow_id = $1
        and id > $2
        and ($3::smallint is null or step = $3)
        and ($4::text is null or worker = $4)
        and (
            ($5::text is null and $6::text is null)
            or worker = any(array(
                select name
                from workers
                where ($5 is null or host = $5)
                    and ($6 is null or node = $6)
            ))
        )
        and ($7::double precision is null or ended_at - started_at > make_interval(secs => $7))
        and ($8::text is null or outcome = $8)
    order by id
    limit $9
)
select page.*, coalesce(node, '') as node, coalesce(host, '') as host, pid, coalesce(actor, '') as actor
from page
left join workers on workers.name = page.worker
order by id

-- name: last_attempts
-- The newest attempts without a result, newest first.
select
    attempts.id, step, partition, attempt, outcome, error_type, message, traceback, worker, attempts.started_at,
    ended_at, retry_at, retry_memory_bytes, is_forgiven, coalesce(node, '') as node, coalesce(host, '') as host, pid,
    coalesce(actor, '') as actor
from attempts
left join workers on workers.name = worker
where workflow_id = $1
order by attempts.id desc
limit $2

-- name: attempt_counts
-- How many attempts of each step ended how, those not counted whose failure was forgiven by a retry.
select step, outcome, count(*) as attempts
from attempts
where workflow_id = $1
    and not is_forgiven
group by step, outcome
order by step, outcome

-- name: step_peaks
-- The most memory that a task of each step held, for those that were measured.
select position as step, most.peak_bytes
from steps
cross join lateral (
    select peak_bytes
    from tasks
    where tasks.workflow_id = steps.workflow_id
        and step = position
        and peak_bytes > 0
    order by peak_bytes desc
    limit 1
) as most
where steps.workflow_id = $1

-- name: logs
-- A page of the lines that its phases logged, after the given line: of some steps, of one partition, of some levels.
select id, at, step, partition, level, message
from logs
where workflow_id = $1
    and id > $2
    and ($3::smallint[] is null or step = any($3))
    and ($4::integer is null or partition = $4)
    and ($5::text[] is null or level = any($5))
order by id
limit $6

-- name: profiles
-- What is known of phases, those used last first.
select digest, name, version, tasks, wall_s, cpu_s, peak_bytes, updated_at
from profiles
order by updated_at desc, digest
limit $1

-- name: standing_limits
-- All limits, with what living orchestrators hold of them and want.
select
    limits.kind, limits.name, maximum, coalesce(sum(held), 0)::bigint as held, coalesce(sum(wanted), 0)::bigint as wanted
from limits
left join (
    permits
    join living_orchestrators as orchestrators on orchestrators.id = orchestrator
) on permits.kind = limits.kind and permits.name = limits.name
group by limits.kind, limits.name, maximum
order by limits.kind, limits.name
