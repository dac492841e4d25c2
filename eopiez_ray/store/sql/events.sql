-- The history of workflows.

-- name: add_event
-- A line of the workflow's history.
insert into events (workflow_id, kind, data)
values ($1, $2, $3)
returning id

-- name: events
-- History of a workflow after the given event.
select id, at, kind, data
from events
where workflow_id = $1
    and id > $2
order by id
limit $3
