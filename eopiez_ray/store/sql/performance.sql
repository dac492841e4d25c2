-- What the tasks of one workflow took.

-- name: step_spreads
-- What the tasks of each step took.
select
    step, count(*) as tasks, sum(wall_s)::double precision as total_s, avg(wall_s)::double precision as mean_s,
    coalesce(var_samp(wall_s), 0)::double precision as variance, percentile_cont(0.5) within group (
        order by wall_s
    )::double precision as p50_s,
    percentile_cont(0.95) within group (order by wall_s)::double precision as p95_s,
    max(wall_s)::double precision as longest_s, max(rows)::bigint as most_rows, avg(rows)::double precision as mean_rows,
    extract(epoch from min(started_at))::double precision as began_at,
    max(extract(epoch from started_at) + wall_s)::double precision as ended_at
from tasks
where workflow_id = $1
group by step
order by step

-- name: longest_tasks
-- The tasks of a step that took at least so long, the longest first.
select partition, wall_s, rows, worker
from tasks
where workflow_id = $1
    and step = $2
    and wall_s >= $3
order by wall_s desc
limit $4

-- name: last_task
-- The task of a step that ended last.
select partition, extract(epoch from started_at)::double precision as started_at, wall_s
from tasks
where workflow_id = $1
    and step = $2
order by started_at + wall_s * interval '1 second' desc
limit 1

-- name: task_time
-- When a task ran.
select partition, extract(epoch from started_at)::double precision as started_at, wall_s
from tasks
where workflow_id = $1
    and step = $2
    and partition = $3

-- name: step_progress
-- How far each step is.
select position, partitions, done, running
from steps
where workflow_id = $1

-- name: known_means
-- What tasks of phases took so far, by the phase's code.
select digest, wall_s
from profiles
where digest = any($1::text[])
