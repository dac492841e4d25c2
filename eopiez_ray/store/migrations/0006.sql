-- Projects share the cluster, have limits, and list their workflows.
alter table projects add column weight double precision not null default 1 check (weight > 0);

alter table permits drop constraint permits_pkey, drop constraint permits_kind_name_fkey;
alter table limits drop constraint limits_pkey, drop constraint limits_kind_check;
alter table limits add column project text not null default '';
alter table limits
    add constraint limits_kind_check check (kind in ('project', 'owner', 'label', 'phase')),
    add primary key (kind, name, project);
alter table permits add column project text not null default '';
alter table permits
    add primary key (kind, name, project, orchestrator),
    add foreign key (kind, name, project) references limits (kind, name, project) on delete cascade;

alter table weights drop constraint weights_pkey;
alter table weights add column project text not null default 'default';
alter table weights add primary key (project, owner);

drop index workflows_claimable;
create index workflows_claimable on workflows (project, owner, priority desc, id)
where holder is null and status in ('queued', 'running', 'pausing', 'cancelling');
create index workflows_listed on workflows (project, status, id);

create table workflow_labels (
    project text not null,
    label bigint not null,
    workflow_id uuid not null,
    primary key (project, label, workflow_id)
);
insert into workflow_labels (project, label, workflow_id)
select distinct project, hashtextextended(key || '=' || value, 0), id
from workflows
cross join jsonb_each_text(labels);
