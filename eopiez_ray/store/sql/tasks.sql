-- Steps and tasks: what is done, where and how quickly.

-- name: steps
-- Steps of workflows, in plan order; those that have not moved have no row of their own, and those whose values come
-- with the plan never move.
select
    workflows.id as workflow_id,
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
cross join jsonb_array_elements(case when jsonb_typeof(spec -> 'steps') = 'array' then spec -> 'steps' end)
    with ordinality as listed (planned, number)
cross join lateral (
    select case when planned #>> '{phase,kind}' = 'values' then (planned #>> '{parameters,count}')::integer end as given
) as values_of_plan
left join steps on steps.workflow_id = workflows.id and steps.position = number - 1
where workflows.id = any($1::uuid[])
order by workflow_id, number

-- name: graph
-- What a picture of the plan shows, as one JSON object of columns: the steps in plan order, what they take, how far they
-- are. Of 10,000 steps it is a tenth of the plan.
select json_build_object(
    'name', json_agg(planned -> 'name' order by number),
    'kind', json_agg(planned #> '{phase,kind}' order by number),
    'inputs', json_agg(coalesce(planned -> 'inputs', '[]') order by number),
    'status', json_agg(coalesce(steps.status, case when given is null then 'waiting' else 'succeeded' end) order by number),
    'partitions', json_agg(coalesce(partitions, given) order by number),
    'done', json_agg(coalesce(done, given, 0) order by number),
    'running', json_agg(coalesce(running, 0) order by number)
)::text as columns
from workflows
join plans on plans.digest = workflows.plan
cross join jsonb_array_elements(case when jsonb_typeof(spec -> 'steps') = 'array' then spec -> 'steps' end)
    with ordinality as listed (planned, number)
cross join lateral (
    select case when planned #>> '{phase,kind}' = 'values' then (planned #>> '{parameters,count}')::integer end as given
) as values_of_plan
left join steps on steps.workflow_id = workflows.id and steps.position = number - 1
where workflows.id = $1

-- name: task_times
-- When each finished task ran, for a timeline of the run.
select step, partition, started_at, wall_s, cpu_s, worker, is_cached
from tasks
where workflow_id = $1
order by started_at
limit $2

-- name: tasks
-- A page of finished tasks, in order of step and partition after the given one, with where they ran. Without a filter
-- it is a range of the primary key; plan it with its arguments known, so that a filter can use its own index.
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

-- name: step_peaks
-- Peak memory of each step's tasks, for those that were measured.
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

-- name: timeline
-- A page of what a timeline shows, as one JSON object of columns: finished tasks, and attempts without a result whose
-- id is above $5; at most $6 of each. Without $2, tasks come in order of step and partition after ($3, $4). With it,
-- they are those committed since, in the order of their commits: one holder at a time writes for a workflow, one
-- transaction after the other, so that none comes later to a place that was passed. Plan it with its arguments known.
with finished as materialized (
    (
        select step, partition, started_at, wall_s, is_cached, worker, committed_at
        from tasks
        where $2::timestamptz is null
            and workflow_id = $1
            and (step, partition) > ($3::smallint, $4::integer)
        order by step, partition
        limit $6
    )
    union all
    (
        select step, partition, started_at, wall_s, is_cached, worker, committed_at
        from tasks
        where workflow_id = $1
            and committed_at >= $2
            and (committed_at, step, partition) > ($2, $3, $4)
        order by committed_at, step, partition
        limit $6
    )
),
unfinished as materialized (
    select id, step, partition, attempt, outcome, worker, started_at, ended_at
    from attempts
    where workflow_id = $1
        and id > $5
    order by id
    limit $6
),
-- A finished task's row does not say which attempt it was.
tries as materialized (
    select step, partition, max(attempt) as attempts
    from attempts
    where workflow_id = $1
    group by step, partition
),
named as materialized (
    select worker, row_number() over (order by worker) - 1 as number
    from (
        select worker
        from finished
        group by worker
        union
        select worker
        from unfinished
        group by worker
    ) as seen
),
shown as (
    select
        step, partition, coalesce(attempts, 0) + 1 as attempt,
        array_position($7::text[], case when is_cached then 'cached' else 'succeeded' end) - 1 as state, number as worker,
        started_at, wall_s
    from finished
    join named using (worker)
    left join tries using (step, partition)
    union all
    select
        step, partition, attempt, array_position($7, outcome) - 1, number, started_at,
        date_part('epoch', ended_at - started_at)
    from unfinished
    join named using (worker)
),
columns as (
    select
        json_agg(step) as steps, json_agg(partition) as partitions, json_agg(attempt) as attempts,
        json_agg(state) as states, json_agg(worker) as workers,
        json_agg((date_part('epoch', started_at - $8::timestamptz) * 1e6)::bigint) as starts,
        json_agg((wall_s * 1e6)::bigint) as durations
    from shown
),
last as (
    select committed_at, step, partition
    from finished
    order by case when $2 is not null then committed_at end desc, step desc, partition desc
    limit 1
)
select
    json_build_object(
        'origin', $8, 'states', $7, 'workers', (select coalesce(json_agg(worker order by number), '[]') from named),
        'step', coalesce(columns.steps, '[]'), 'partition', coalesce(columns.partitions, '[]'),
        'attempt', coalesce(columns.attempts, '[]'), 'state', coalesce(columns.states, '[]'),
        'worker', coalesce(columns.workers, '[]'), 'start_us', coalesce(columns.starts, '[]'),
        'run_us', coalesce(columns.durations, '[]')
    )::text as columns,
    (select count(*) from finished) as tasks, (select count(*) from unfinished) as attempts,
    last.committed_at, last.step, last.partition, (select max(id) from unfinished) as attempt,
    -- Whatever is committed after this moment was begun by then, or later.
    least(now(), (select min(xact_start) from pg_stat_activity)) as horizon
from columns
left join last on true
