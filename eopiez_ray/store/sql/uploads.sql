-- Files that callers of the gateway upload. Their content is in a folder; here is whose they are.

-- name: add_upload
-- A new upload, of which nothing has arrived yet; no row if there is no such project.
insert into uploads (id, project, owner, name, size)
select $1, name, $3, $4, $5
from projects
where name = $2
returning id, project, owner, name, size, created_at, completed_at

-- name: upload
-- One upload of some projects; null means all projects.
select id, project, owner, name, size, created_at, completed_at
from uploads
where id = $1
    and ($2::text[] is null or project = any($2))

-- name: uploads
-- A page of uploads of some projects, newest first.
select id, project, owner, name, size, created_at, completed_at
from uploads
where ($1::text[] is null or project = any($1))
    and ($2::uuid is null or id < $2)
order by id desc
limit $3

-- name: complete_upload
-- All of it has arrived.
update uploads
set completed_at = clock_timestamp()
where id = $1
    and completed_at is null

-- name: delete_upload
-- Forget an upload.
delete from uploads
where id = $1
