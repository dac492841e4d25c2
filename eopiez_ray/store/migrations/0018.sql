-- Plans that workflows followed before they were updated, by the version that each was.
create table replaced_plans (
    workflow_id uuid not null references workflows (id) on delete cascade,
    version integer not null,
    plan text not null references plans (digest),
    replaced_at timestamptz not null default clock_timestamp(),
    primary key (workflow_id, version)
);
create index replaced_plans_by_plan on replaced_plans (plan);
