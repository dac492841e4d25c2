-- The system's log: what its parts say, and what tasks log and print, in one stream.

-- name: lock_log_lines
-- Let one writer at a time extend the stream, so that lines become visible in the order of their ids, and nobody who
-- follows misses one. The server ends a writer that is frozen for so long, and others go on.
select
    set_config('idle_in_transaction_session_timeout', $1, true),
    pg_advisory_xact_lock(hashtextextended('eopiez.log_lines', 0))

-- name: append_log_lines
-- What a part of the system says.
insert into log_lines (at, level, part, process, logger, message, fields, request_id, trace_id, workflow_id)
select to_timestamp(at), level, part, process, logger, message, fields, request_id, trace_id, workflow_id
from unnest(
    $1::double precision[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::text[],
    $9::text[], $10::uuid[]
) as given (at, level, part, process, logger, message, fields, request_id, trace_id, workflow_id)

-- name: gathering
-- How far lines of tasks were looked for, the last of the next ones, and, where too many wait, the one to go on after.
select seen, (
    select max(id)
    from (
        select id
        from logs
        where id > seen
        order by id
        limit $1
    ) as following
) as upto, (
    select id
    from logs
    where id > seen
    order by id
    offset $2
    limit 1
) as beyond
from log_gathering
for update

-- name: gather_log_lines
-- Bring lines of tasks into the stream, each once, however often they are looked at.
with given as materialized (
    select *
    from logs
    where logs.id > $1
        and logs.id <= $2
        and not exists (
            select
            from log_lines
            where source = logs.id
        )
),
-- A plan is long, and lines are many: it is opened once for each step.
places as (
    select workflow_id, step, project, coalesce(spec #>> array['steps', step::text, 'name'], '') as name
    from (
        select distinct workflow_id, step
        from given
    ) as distinct_places
    join workflows on workflows.id = workflow_id
    join plans on plans.digest = workflows.plan
)
insert into log_lines (at, level, part, project, message, workflow_id, step, partition, source)
select at, level, 'task', project, case when starts_with(message, $4) then message else left(message, $3) end, workflow_id, name, partition, given.id
from given
join places using (workflow_id, step)
order by given.id

-- name: note_gathering
-- Keep how far lines of tasks were looked for.
update log_gathering
set seen = $1

-- name: skip_gathering
-- Leave out lines of tasks up to one, for good.
update log_gathering
set settled = $1, noted = $1, seen = $1

-- name: take_late_log_lines
-- Where lines that came late are looked for now: those that were written in transactions that took longer than others.
with earlier as (
    select settled
    from log_gathering
)
update log_gathering
set settled = noted, noted = seen, looked_at = clock_timestamp()
from earlier
where looked_at < clock_timestamp() - $1::interval
returning earlier.settled as begin, seen as end

-- name: log_lines
-- A page of lines said before one: of some projects, times, levels, a part, a workflow, a request, with a text.
select
    log_lines.id, at, level, part, log_lines.project, process, logger, message, fields, request_id, trace_id,
    workflow_id, workflows.name as workflow, step, partition
from (
    select *
    from log_lines
    where (at, id) < ($1, $13::bigint)
        and ($2::text[] is null or project = any($2))
        and ($3::timestamptz is null or at >= $3)
        and ($4::timestamptz is null or at < $4)
        and ($5::text[] is null or level = any($5))
        and ($6::text is null or part = $6)
        and ($7::uuid is null or workflow_id = $7)
        and ($8::text is null or step = $8 or starts_with(step, $8 || '.'))
        and ($9::text is null or request_id = $9)
        and ($10::text is null or trace_id = $10)
        and ($11::text is null or message ilike $11)
        and ($11 is null or not starts_with(message, '⟦sealed⟧'))
    order by at desc, id desc
    limit $12
) as log_lines
left join workflows on workflows.id = workflow_id
order by at desc, log_lines.id desc

-- name: log_lines_after
-- The same in the order in which they were written down, after one.
select
    log_lines.id, at, level, part, log_lines.project, process, logger, message, fields, request_id, trace_id,
    workflow_id, workflows.name as workflow, step, partition
from (
    select *
    from log_lines
    where id > $1
        and ($2::text[] is null or project = any($2))
        and ($3::timestamptz is null or at >= $3)
        and ($4::timestamptz is null or at < $4)
        and ($5::text[] is null or level = any($5))
        and ($6::text is null or part = $6)
        and ($7::uuid is null or workflow_id = $7)
        and ($8::text is null or step = $8 or starts_with(step, $8 || '.'))
        and ($9::text is null or request_id = $9)
        and ($10::text is null or trace_id = $10)
        and ($11::text is null or message ilike $11)
        and ($11 is null or not starts_with(message, '⟦sealed⟧'))
    order by id
    limit $12
) as log_lines
left join workflows on workflows.id = workflow_id
order by log_lines.id

-- name: last_log_line
-- The newest line of the stream.
select coalesce(max(id), 0) as id
from log_lines

-- name: has_text_index
-- Whether a text is looked for by an index.
select exists (
    select
    from pg_indexes
    where schemaname = 'eopiez'
        and indexname = 'log_lines_by_text'
) as has_text_index

-- name: forget_old_log_lines
-- Forget some lines that are too old.
delete from log_lines
where id in (
    select id
    from log_lines
    where at < clock_timestamp() - $1::interval
    limit $2
)
returning id

-- name: log_lines_beyond
-- The newest line that is to be forgotten, so that those after it have so many bytes at most.
select max(id) as id
from (
    select id, sum(pg_column_size(log_lines)) over (order by id desc) as bytes
    from log_lines
) as summed
where bytes > $1

-- name: forget_log_lines_up_to
-- Forget some lines up to one.
delete from log_lines
where id in (
    select id
    from log_lines
    where id <= $1
    order by id
    limit $2
)
returning id

-- name: log_levels
-- Loggers whose levels were set.
select logger, level, set_by, set_at
from log_levels
order by logger

-- name: set_log_level
-- Let a logger say something from a level on.
insert into log_levels (logger, level, set_by)
values ($1, $2, $3)
on conflict (logger) do update
set level = excluded.level, set_by = excluded.set_by, set_at = clock_timestamp()
returning logger, level, set_by, set_at

-- name: lift_log_level
-- Give a logger the level back that it began with.
delete from log_levels
where logger = $1
returning logger
