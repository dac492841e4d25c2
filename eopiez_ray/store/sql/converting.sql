-- What was written before there were keys, encrypted afterwards.

-- name: plain_workflows
-- Workflows that have ended and hold anything plain, after one, in order.
select id, project
from workflows
where id > $1
    and status in ('succeeded', 'failed', 'cancelled', 'quarantined')
    and (
        exists (select from tasks where workflow_id = workflows.id and form not like '%+sealed')
        or exists (select from logs where workflow_id = workflows.id and not starts_with(message, $2))
        or exists (select from log_lines where workflow_id = workflows.id and part = 'task' and not starts_with(message, $2))
        or exists (select from attempts where workflow_id = workflows.id and not starts_with(message, $2))
        or exists (select from rejects where workflow_id = workflows.id and not starts_with(sample, $2))
        or not starts_with(error ->> 'message', $2)
        or exists (
            select
            from plans
            cross join jsonb_array_elements(case when jsonb_typeof(spec -> 'steps') = 'array' then spec -> 'steps' end) as step
            join phases on phases.digest = step #>> '{phase,digest}'
            where plans.digest = workflows.plan
                and not is_sealed
                and not exists (
                    select
                    from phases as own
                    where own.digest = phases.digest
                        and own.project = workflows.project
                        and own.is_sealed
                )
        )
    )
order by id
limit $3

-- name: lock_ended_workflow
-- A workflow that has ended, locked, so that nobody retries it meanwhile.
select id, plan, error
from workflows
where id = $1
    and status in ('succeeded', 'failed', 'cancelled', 'quarantined')
for update skip locked

-- name: plain_tasks
-- Some of a workflow's plain results.
select step, partition, digest, size, form, inline
from tasks
where workflow_id = $1
    and form not like '%+sealed'
order by step, partition
limit $2

-- name: replace_results
-- Let tasks have their results in another form.
update tasks
set digest = given.digest, form = given.form, inline = given.inline
from unnest($2::smallint[], $3::integer[], $4::bytea[], $5::text[], $6::bytea[])
    as given (step, partition, digest, form, inline)
where workflow_id = $1
    and tasks.step = given.step
    and tasks.partition = given.partition

-- name: plain_logs
-- Some of a workflow's plain lines.
select id, partition, message
from logs
where workflow_id = $1
    and not starts_with(message, $2)
order by id
limit $3

-- name: replace_logs
-- Let lines have their messages in another form.
update logs
set message = given.message
from unnest($2::bigint[], $3::text[]) as given (id, message)
where workflow_id = $1
    and logs.id = given.id

-- name: plain_task_lines
-- Some of a workflow's plain lines in the stream.
select id, partition, message
from log_lines
where workflow_id = $1
    and part = 'task'
    and not starts_with(message, $2)
order by id
limit $3

-- name: plain_system_lines
-- Some of the system's own plain lines in the stream.
select id, message, fields
from log_lines
where part <> 'task'
    and not starts_with(message, $1)
order by id
limit $2

-- name: replace_log_lines
-- Let lines of the stream have their messages in another form.
update log_lines
set message = given.message, fields = given.fields
from unnest($1::bigint[], $2::text[], $3::jsonb[]) as given (id, message, fields)
where log_lines.id = given.id

-- name: plain_attempts
-- Some of a workflow's attempts whose errors are plain.
select id, partition, attempt, message, traceback
from attempts
where workflow_id = $1
    and not starts_with(message, $2)
order by id
limit $3

-- name: replace_attempts
-- Let attempts have their errors in another form.
update attempts
set message = given.message, traceback = given.traceback
from unnest($1::bigint[], $2::text[], $3::text[]) as given (id, message, traceback)
where attempts.id = given.id

-- name: plain_rejects
-- Some of a workflow's plain rejected rows.
select step, partition, ordinal, source, reason, sample
from rejects
where workflow_id = $1
    and not starts_with(sample, $2)
order by step, partition, ordinal
limit $3

-- name: replace_rejects
-- Let rejected rows have their texts in another form.
update rejects
set source = given.source, reason = given.reason, sample = given.sample
from unnest($2::smallint[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[])
    as given (step, partition, ordinal, source, reason, sample)
where workflow_id = $1
    and rejects.step = given.step
    and rejects.partition = given.partition
    and rejects.ordinal = given.ordinal

-- name: error_events
-- A workflow's events that tell an error.
select id, data
from events
where workflow_id = $1
    and data ? 'error_type'

-- name: replace_event
-- Let an event tell its error in another form.
update events
set data = $3
where workflow_id = $1
    and id = $2

-- name: replace_error
-- Let a workflow have its error in another form.
update workflows
set error = $2
where id = $1

-- name: plain_code
-- The plain code of a plan that a project has not encrypted for itself.
select phases.digest, phases.name, phases.version, phases.kind, phases.code
from plans
cross join jsonb_array_elements(case when jsonb_typeof(spec -> 'steps') = 'array' then spec -> 'steps' end) as step
join phases on phases.digest = step #>> '{phase,digest}'
where plans.digest = $1
    and not is_sealed
    and not exists (
        select
        from phases as own
        where own.digest = phases.digest
            and own.project = $2
            and own.is_sealed
    )

-- name: registered_plan_digests
-- Plans that projects have registered.
select distinct project, plan
from registered_plans

-- name: forget_plain_code
-- Forget plain code that every project which uses it has encrypted for itself.
with used as (
    select project, plan
    from workflows
    union
    select project, wanted_plan
    from workflows
    where wanted_plan is not null
    union
    select project, plan
    from registered_plans
),
needed as (
    select step #>> '{phase,digest}' as digest
    from used
    join plans on plans.digest = used.plan
    cross join jsonb_array_elements(case when jsonb_typeof(spec -> 'steps') = 'array' then spec -> 'steps' end) as step
    where not exists (
        select
        from phases as own
        where own.digest = step #>> '{phase,digest}'
            and own.project = used.project
            and own.is_sealed
    )
)
delete from phases
where not is_sealed
    and created_at < clock_timestamp() - interval '1 hour'
    and digest not in (select digest from needed)
    and digest in (select digest from phases as sealed_ones where sealed_ones.is_sealed)

-- name: forget_plain_cache
-- Forget cached results that are plain; equal tasks run again, once in each project.
delete from cache
where form not like '%+sealed'
