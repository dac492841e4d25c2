-- What is measured: who watches, reports of processes, series, and samples in their resolutions.

-- name: keep_watch
-- Take over a watch that nobody keeps, or keep one's own for $3 from now on; no row if it is somebody else's.
insert into watches (name, holder, lease_until)
values ($1, $2, clock_timestamp() + $3::interval)
on conflict (name) do update
set holder = excluded.holder,
    lease_until = excluded.lease_until
where watches.holder = excluded.holder
    or watches.lease_until < clock_timestamp()
returning name

-- name: leave_watch
-- Let others take over a watch at once.
delete from watches
where name = $1
    and holder = $2

-- name: hold_watch
-- Whether a watch is still somebody's; nobody takes it over until the transaction ends.
select name
from watches
where name = $1
    and holder = $2
for update

-- name: forget_watches
-- Forget watches that nobody has kept for a day, such as those of nodes that are gone.
delete from watches
where lease_until < clock_timestamp() - interval '1 day'

-- name: save_report
-- What a process has measured; a report that is there already is not written again.
insert into reports (source, number, entries)
values ($1, $2, $3)
on conflict (source, number) do nothing

-- name: tell_reported
-- Tell whoever folds that something was reported that should not wait.
select pg_notify('eopiez_measured', '')

-- name: take_reports
-- All reports that are not folded, oldest first, which are from now on.
with taken as (
    update reports
    set is_folded = true
    where not is_folded
    returning source, at, entries
)
select source, at, entries
from taken
order by at

-- name: forget_reports
-- Forget reports that were folded long before anybody might send them again.
delete from reports
where is_folded
    and at < clock_timestamp() - interval '10 minutes'

-- name: all_series
-- Series with an id above $1, which for 0 are all, and whether they were measured lately.
select id, metric, labels, seen_at > now() - interval '1 day' as is_recent
from series
where id > $1

-- name: add_series
-- New series, or those that are there already.
insert into series (metric, labels)
select *
from unnest($1::text[], $2::jsonb[])
on conflict (metric, labels) do update
set seen_at = now()
returning id, metric, labels

-- name: see_series
-- Note that series are still measured.
update series
set seen_at = now()
where id = any($1::integer[])
    and seen_at < now() - interval '1 hour'

-- name: forget_series
-- Forget series that nothing was measured of for so long that no sample of theirs is left.
delete from series
where seen_at < now() - $1::interval

-- name: begin_fold
-- The number of the fold that begins, up to when events are measured, and until when all that happens is committed:
-- nothing that is still under way, for $1 at most, began before. What has written nothing after ten seconds, such as a
-- backup, does not count. Others wait until the fold ends.
update metering
set fold = fold + 1,
    through = case when fold = 0 then clock_timestamp() else through end
returning fold, through, clock_timestamp() as now, (
    select least(clock_timestamp(), min(xact_start)) - interval '50 milliseconds'
    from pg_stat_activity
    where datname = current_database()
        and pid <> pg_backend_pid()
        and backend_type = 'client backend'
        and xact_start > clock_timestamp() - $1::interval
        and (backend_xid is not null or xact_start > clock_timestamp() - interval '10 seconds')
) as horizon

-- name: end_fold
-- Up to when events are measured now.
update metering
set through = $1

-- name: measured_through
-- Up to when events are measured.
select through
from metering

-- name: save_samples
-- Samples of a fold; what is already there at the same place gives way.
insert into samples (resolution, metric, at, fold, packed)
select *
from unnest($1::integer[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bytea[])
on conflict (resolution, metric, at, fold) do update
set packed = excluded.packed

-- name: samples
-- Samples of metrics in a resolution from $3 until before $4, oldest first.
select metric, at, fold, packed
from samples
where resolution = $1
    and metric = any($2::text[])
    and at >= $3
    and at < $4
order by at, fold

-- name: samples_after
-- Samples in the finest resolution that were folded after $1, of all metrics, in the order of their folds.
select metric, at, fold, packed
from samples
where resolution = 10
    and at >= $2
    and fold > $1
order by fold

-- name: all_samples
-- Samples of all metrics in a resolution from $2 until before $3.
select metric, at, fold, packed
from samples
where resolution = $1
    and at >= $2
    and at < $3

-- name: forget_samples
-- Forget samples in a resolution from before $2.
delete from samples
where resolution = $1
    and at < $2

-- name: rolled_up
-- How far each resolution is rolled up.
select resolution, through
from rollups

-- name: note_rollup
-- A resolution is rolled up so far.
insert into rollups (resolution, through)
values ($1, $2)
on conflict (resolution) do update
set through = excluded.through

-- name: oldest_sample
-- When the oldest sample in a resolution begins, of those that begin at $2 or later.
select min(at) as at
from samples
where resolution = $1
    and at >= $2

-- name: all_totals
-- What counters and histograms have come to.
select metric, fold, packed
from totals

-- name: save_totals
-- What counters and histograms have come to, up to a fold.
insert into totals (metric, fold, packed)
select *
from unnest($1::text[], $2::bigint[], $3::bytea[])
on conflict (metric) do update
set fold = excluded.fold,
    packed = excluded.packed
