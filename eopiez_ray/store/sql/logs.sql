-- What phases logged and printed.

-- name: save_logs
-- What phases logged and printed.
insert into logs (workflow_id, at, step, partition, level, message)
select workflow_id, to_timestamp(at), step, partition, level, message
from unnest($1::uuid[], $2::double precision[], $3::smallint[], $4::integer[], $5::text[], $6::text[])
    as given (workflow_id, at, step, partition, level, message)

-- name: logs
-- A page of a workflow's log lines after the given one: of some steps, of one partition, of some levels.
select id, at, step, partition, level, message
from logs
where workflow_id = $1
    and id > $2
    and ($3::smallint[] is null or step = any($3))
    and ($4::integer is null or partition = $4)
    and ($5::text[] is null or level = any($5))
order by id
limit $6
