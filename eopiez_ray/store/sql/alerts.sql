-- Alerts: rules, what is wrong, who is told.

-- name: alerting_revision
-- Grows whenever a rule or channel changes.
select revision
from alerting

-- name: change_alerting
-- A rule or channel has changed.
update alerting
set revision = revision + 1

-- name: all_alert_rules
-- Every rule that somebody has written.
select project, name, document, version, updated_by, updated_at
from alert_rules
order by id

-- name: urgent_conditions
-- What rules that fire at once look at, without their bounds, so that it is the same for many of them.
select distinct (document -> 'when') - array['above', 'below', 'clear', 'window', 'read', 'by', 'least'] as condition
from alert_rules
where coalesce(document -> 'for', '0') = '0'
    and coalesce(document -> 'enabled', 'true') = 'true'

-- name: alert_rules
-- A page of rules of some projects, by project and name; null means all, and those of the system.
select project, name, document, version, updated_by, updated_at
from alert_rules
where ($1::text[] is null or project = any($1))
    and (coalesce(project, ''), name) > ($2, $3)
order by coalesce(project, ''), name
limit $4

-- name: alert_rule
-- A rule.
select project, name, document, version, updated_by, updated_at
from alert_rules
where project is not distinct from $1
    and name = $2

-- name: lock_alert_rules
-- Let one change of a project's rules happen at a time, so that none is based on what has just changed.
select pg_advisory_xact_lock(hashtextextended('eopiez.alert_rules.' || coalesce($1::text, ''), 0))

-- name: count_alert_rules
-- How many rules a project has.
select count(*) as rules
from alert_rules
where project is not distinct from $1

-- name: put_alert_rule
-- Write a rule, in place of one that is called the same.
insert into alert_rules (project, name, document, updated_by)
values ($1, $2, $3, $4)
on conflict (project, name) do update
set document = excluded.document, updated_by = excluded.updated_by, updated_at = clock_timestamp(),
    version = alert_rules.version + 1
returning project, name, document, version, updated_by, updated_at

-- name: drop_alert_rule
-- Delete a rule.
delete from alert_rules
where project is not distinct from $1
    and name = $2
returning name

-- name: active_alerts
-- Alerts that are pending or firing, kept from changing until the transaction ends.
select *
from alerts
where status <> 'resolved'
for update

-- name: save_alerts
-- Write alerts as they stand.
insert into alerts (
    id, rule, rule_project, project, labels, severity, summary, status, value, started_at, fired_at, clear_since,
    resolved_at, notices
)
select *
from unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::text[], $8::text[],
    $9::double precision[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
    $14::jsonb[]
)
on conflict (id) do update
set severity = excluded.severity, summary = excluded.summary, status = excluded.status, value = excluded.value,
    fired_at = excluded.fired_at, clear_since = excluded.clear_since, resolved_at = excluded.resolved_at,
    notices = excluded.notices

-- name: drop_alerts
-- Forget alerts that were never more than pending.
delete from alerts
where id = any($1::uuid[])

-- name: add_alert_history
-- What has happened to alerts.
insert into alert_history (alert_id, at, kind, by, data)
select *
from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::jsonb[])

-- name: alerts_page
-- A page of alerts, the newest first.
select *
from alerts
where id < $1
    and ($2::text[] is null or project = any($2))
    and ($3::text[] is null or status = any($3))
    and ($4::text[] is null or severity = any($4))
    and ($5::text is null or rule = $5)
    and ($6::boolean is null or (acknowledged_at is not null) = $6)
order by id desc
limit $7

-- name: alert
-- An alert that these projects may see; null means all.
select *
from alerts
where id = $1
    and ($2::text[] is null or project = any($2))

-- name: acknowledge_alert
-- Somebody takes care of an alert that is pending or firing.
update alerts
set acknowledged_at = clock_timestamp(), acknowledged_by = $2, comment = $3
where id = $1
    and status <> 'resolved'
returning *

-- name: alert_history
-- A page of an alert's history, oldest first.
select id, at, kind, by, data
from alert_history
where alert_id = $1
    and id > $2
order by id
limit $3

-- name: forget_alerts
-- Forget alerts that were resolved long ago, with their history.
delete from alerts
where status = 'resolved'
    and resolved_at < clock_timestamp() - $1::interval

-- name: alert_silences
-- Silences that have not ended, of some projects; null means all, and those of the system.
select *
from alert_silences
where ends_at > $3
    and ($1::text[] is null or project = any($1))
    and id > $2
order by id
limit $4

-- name: alert_silence
-- A silence that these projects may see; null means all.
select *
from alert_silences
where id = $1
    and ($2::text[] is null or project = any($2))

-- name: add_alert_silence
-- A new silence.
insert into alert_silences (id, project, rule, labels, starts_at, ends_at, comment, created_by)
values ($1, $2, $3, $4, coalesce($5::timestamptz, clock_timestamp()), $6, $7, $8)
returning *

-- name: change_alert_silence
-- Let a silence end at another time, if it is the version that was read.
update alert_silences
set ends_at = $3, comment = $4, version = version + 1
where id = $1
    and version = $2
returning *

-- name: end_alert_silence
-- End a silence.
delete from alert_silences
where id = $1
returning id

-- name: forget_alert_silences
-- Forget silences that ended long ago.
delete from alert_silences
where ends_at < clock_timestamp() - $1::interval

-- name: all_alert_channels
-- Every channel.
select *
from alert_channels
order by id

-- name: alert_channels
-- A page of channels of some projects, by project and name; null means all, and those of the system.
select *
from alert_channels
where ($1::text[] is null or project = any($1))
    and (coalesce(project, ''), name) > ($2, $3)
order by coalesce(project, ''), name
limit $4

-- name: alert_channel
-- A channel.
select *
from alert_channels
where project is not distinct from $1
    and name = $2

-- name: put_alert_channel
-- Write a channel, in place of one that is called the same, which keeps its id.
insert into alert_channels (id, project, name, target, document, updated_by)
values ($1, $2, $3, $4, $5, $6)
on conflict (project, name) do update
set target = excluded.target, document = excluded.document, updated_by = excluded.updated_by,
    updated_at = clock_timestamp(), version = alert_channels.version + 1
returning *

-- name: drop_alert_channel
-- Delete a channel, with what was to be sent to it.
delete from alert_channels
where project is not distinct from $1
    and name = $2
returning id

-- name: post_alert_messages
-- Messages to be sent.
insert into alert_outbox (channel_id, group_key, title, body, facts)
select *
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[])
returning id

-- name: take_alert_messages
-- Take messages to send for so long: of each group of a channel the oldest one that waits, and none while that one is
-- being sent; of each channel so many at once, whoever sends them.
with firsts as (
    select distinct on (channel_id, group_key) id
    from alert_outbox
    where delivered_at is null
        and given_up_at is null
    order by channel_id, group_key, id
),
ranked as (
    select id, row_number() over (partition by channel_id order by id) as place
    from firsts
    join alert_outbox using (id)
    where due_at <= clock_timestamp()
),
due as (
    select alert_outbox.id
    from ranked
    join alert_outbox using (id)
    where place <= $3
        and leased_until < clock_timestamp()
    order by due_at
    limit $1
    for update of alert_outbox skip locked
)
update alert_outbox
set leased_until = clock_timestamp() + $2::interval, attempts = attempts + 1
from due, alert_channels
where alert_outbox.id = due.id
    and alert_channels.id = channel_id
returning
    alert_outbox.id, title, body, facts, attempts - 1 as attempts, created_at, channel_id, project, name, target, document,
    version, updated_by, updated_at

-- name: note_alert_delivery
-- A message was delivered.
update alert_outbox
set delivered_at = clock_timestamp(), error = ''
where id = $1

-- name: note_alert_failure
-- A message was not delivered: it is tried again then, or given up.
update alert_outbox
set error = $2, leased_until = '-infinity', due_at = clock_timestamp() + $3::interval,
    given_up_at = case when clock_timestamp() - created_at > $4::interval then clock_timestamp() end
where id = $1
returning given_up_at is not null as is_given_up

-- name: alert_deliveries
-- A page of what was sent to a channel, the newest first.
select id, title, created_at, due_at, attempts, delivered_at, given_up_at, error
from alert_outbox
where channel_id = $1
    and id < $2
order by id desc
limit $3

-- name: forget_alert_messages
-- Forget messages that were delivered or given up long ago.
delete from alert_outbox
where created_at < clock_timestamp() - $1::interval
    and (delivered_at is not null or given_up_at is not null)

-- name: count_audit_events
-- How many rows the audit log has of late, of some actions, by what rules tell apart.
select action, result, actor, address, project, count(*) as events
from audit
where at >= clock_timestamp() - $1::interval
    and ($2::text[] is null or action = any($2))
group by action, result, actor, address, project

-- name: count_workflow_events
-- How many events workflows had of late, of some kinds, by kind and project.
select kind, project, count(*) as events
from events
join workflows on workflows.id = workflow_id
where at >= clock_timestamp() - $1::interval
    and ($2::text[] is null or kind = any($2))
group by kind, project

-- name: audit_verified
-- How far the audit log was verified.
select audit_seq, audit_hash, audit_head_seq, audit_head_hash, audit_faults
from alerting

-- name: note_audit_verified
-- Keep how far the audit log was verified, and what was found.
update alerting
set audit_seq = $1, audit_hash = $2, audit_head_seq = $3, audit_head_hash = $4, audit_faults = $5
