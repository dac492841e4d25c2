-- How the whole system is: for health checks and metrics.

-- name: server
-- The server's version and its clock, in Unix seconds.
select
    current_setting('server_version') as version, extract(epoch from clock_timestamp())::double precision as now

-- name: orchestrators_alive
-- Orchestrators that may drive workflows now: how many, how many of them take any workflow, and on how many clusters.
select
    count(*)::integer as orchestrators,
    (count(*) filter (where takes_any))::integer as takers,
    count(distinct cluster)::integer as clusters
from leaseholders

-- name: recent_logs
-- The latest log lines of the newest workflows of some projects, newest first.
select logs.workflow_id, workflows.name as workflow, project, logs.id, at, level, message,
    spec #>> array['steps', step::text, 'name'] as step, partition
from (
    select id, name, project, plan
    from workflows
    where ($1::text[] is null or project = any($1))
    order by id desc
    limit 200
) as workflows
join plans on plans.digest = workflows.plan
cross join lateral (
    select *
    from logs
    where workflow_id = workflows.id
        and ($2::bigint is null or id < $2)
        and ($3::text[] is null or level = any($3))
        and ($4::text is null or message ilike '%' || $4 || '%')
    order by id desc
    limit $5
) as logs
order by logs.id desc
limit $5
