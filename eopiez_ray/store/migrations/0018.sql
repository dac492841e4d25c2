-- Plans that workflows followed before they were updated, by the version that each was.
create table replaced_plans (
    workflow_id uuid not null references workflows (id) on delete cascade,
    version integer not null,
    plan text not null references plans (digest),
    replaced_at timestamptz not null default clock_timestamp(),
    primary key (workflow_id, version)
);
create index replaced_plans_by_plan on replaced_plans (plan);

-- What is at work over a smaller weight could be more than a number holds.
update weights
set weight = greatest(0.001, least(1000, weight))
where weight not between 0.001 and 1000;
update projects
set weight = greatest(0.001, least(1000, weight))
where weight not between 0.001 and 1000;
