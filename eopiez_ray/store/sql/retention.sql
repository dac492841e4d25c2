-- How long data is kept, by project and kind.

-- name: retentions
-- Rules of projects.
select project, kind, days
from retentions
order by project, kind

-- name: set_retention
-- Let a project keep a kind of data for so many days, null for ever; no row if there is no such project.
insert into retentions (project, kind, days)
select name, $2, $3
from projects
where name = $1
on conflict (project, kind) do update
set days = excluded.days
returning project

-- name: lift_retention
-- Let the system's rule hold for a project again.
delete from retentions
where project = $1
    and kind = $2
returning project

-- name: expired_workflows
-- Some workflows that ended longer ago than their results are kept; $2 is the system's rule.
select workflows.id, workflows.project, labels
from workflows
left join retentions on retentions.project = workflows.project and kind = $1
where status in ('succeeded', 'failed', 'cancelled', 'quarantined')
    and finished_at < clock_timestamp() - make_interval(secs => 86400 * case when kind is null then $2 else days end)
order by finished_at
limit $3

-- name: expire_logs
-- Forget lines of some workflows that ended longer ago than lines are kept.
with expired as (
    select workflows.id
    from workflows
    left join retentions on retentions.project = workflows.project and kind = $1
    where status in ('succeeded', 'failed', 'cancelled', 'quarantined')
        and finished_at < clock_timestamp() - make_interval(secs => 86400 * case when kind is null then $2 else days end)
        and exists (select from logs where workflow_id = workflows.id)
    limit $3
),
forgotten_lines as (
    delete from log_lines
    where workflow_id in (select id from expired)
        and part = 'task'
),
forgotten as (delete from logs where workflow_id in (select id from expired))
select id
from expired

-- name: expire_rejects
-- Forget rejected rows of some workflows that ended longer ago than these are kept.
with expired as (
    select workflows.id
    from workflows
    left join retentions on retentions.project = workflows.project and kind = $1
    where status in ('succeeded', 'failed', 'cancelled', 'quarantined')
        and finished_at < clock_timestamp() - make_interval(secs => 86400 * case when kind is null then $2 else days end)
        and exists (select from rejects where workflow_id = workflows.id)
    limit $3
),
forgotten as (delete from rejects where workflow_id in (select id from expired))
select id
from expired

-- name: expire_errors
-- Forget what errors of some workflows say that ended longer ago than this is kept; that they failed, and with which
-- type of error, stays.
with expired as (
    select workflows.id
    from workflows
    left join retentions on retentions.project = workflows.project and kind = $1
    where status in ('succeeded', 'failed', 'cancelled', 'quarantined')
        and finished_at < clock_timestamp() - make_interval(secs => 86400 * case when kind is null then $2 else days end)
        and (
            error ->> 'message' <> ''
            or exists (select from attempts where workflow_id = workflows.id and (message <> '' or traceback <> ''))
        )
    limit $3
),
forgotten_attempts as (
    update attempts
    set message = '', traceback = ''
    where workflow_id in (select id from expired)
),
forgotten_events as (
    update events
    set data = (data - 'traceback') || '{"message": ""}'
    where workflow_id in (select id from expired)
        and data ? 'error_type'
),
forgotten as (
    update workflows
    set error = (error - 'traceback') || '{"message": ""}'
    where id in (select id from expired)
        and error is not null
)
select id
from expired

-- name: expired_uploads
-- Some uploads that came longer ago than they are kept, and that no plan names which is registered or under way.
with followed as (
    select project, coalesce(wanted_plan, plan) as digest
    from workflows
    where status not in ('succeeded', 'failed', 'cancelled', 'quarantined')
    union
    select project, plan
    from registered_plans
),
named as (
    select project, id
    from followed
    join plans using (digest)
    cross join regexp_matches(
        spec::text, '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g'
    ) as found (ids)
    cross join unnest(ids) as id
)
select uploads.id, uploads.project
from uploads
left join retentions on retentions.project = uploads.project and kind = $1
where created_at < clock_timestamp() - make_interval(secs => 86400 * case when kind is null then $2 else days end)
    and (uploads.project, uploads.id::text) not in (select project, id from named)
order by uploads.created_at
limit $3
