-- Workflows whose handling fails are set aside, and rejects stand for more than one row where a task has very many.
alter table workflows drop constraint workflows_status_check;
alter table workflows add constraint workflows_status_check check (
    status in (
        'queued', 'running', 'pausing', 'paused', 'succeeded', 'failed', 'cancelling', 'cancelled', 'quarantined'
    )
);
alter table workflows drop constraint terminal_is_finished;
alter table workflows add constraint terminal_is_finished check (
    (status in ('succeeded', 'failed', 'cancelled', 'quarantined')) = (finished_at is not null)
);
alter table workflows drop constraint rest_has_no_holder;
alter table workflows add constraint rest_has_no_holder check (
    status not in ('queued', 'paused', 'succeeded', 'failed', 'cancelled', 'quarantined') or holder is null
);
alter table rejects add column rows bigint not null default 1;
