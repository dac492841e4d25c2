-- Workflows belong to projects.
create table projects (
    name text primary key,
    title text not null default '',
    created_at timestamptz not null default now()
);
insert into projects (name, title) values ('default', 'Default');
alter table workflows add column project text not null default 'default';
drop index workflows_idempotent;
create unique index workflows_idempotent on workflows (project, owner, idempotency_key)
where idempotency_key is not null;
