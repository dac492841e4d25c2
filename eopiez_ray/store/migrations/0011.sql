-- Monitoring: what is measured, and how to find what has happened since it was last counted.
alter table tasks add committed_at timestamptz not null default now();
create index tasks_by_time on tasks using brin (committed_at) with (pages_per_range = 32, autosummarize = on);
create index attempts_by_time on attempts using brin (ended_at) with (pages_per_range = 32, autosummarize = on);
create index events_by_time on events using brin (at) with (pages_per_range = 32, autosummarize = on);

-- Work that one process at a time does for the whole system, or for one node: who does it, and until when, by this
-- clock, it is theirs.
create table watches (
    name text primary key,
    holder uuid not null,
    lease_until timestamptz not null
);

-- What processes have measured lately. Reports stay for a while after they were folded into samples, so that one that
-- is sent again, because nobody knows whether it arrived, is known.
create table reports (
    source uuid not null,
    number bigint not null,
    at timestamptz not null default clock_timestamp(),
    -- Of each series: the metric, its labels, and values by bucket.
    entries jsonb not null,
    is_folded boolean not null default false,
    primary key (source, number)
);
create index reports_to_fold on reports (at) where not is_folded;

-- A metric with its labels. `labels` are few and short.
create table series (
    id integer generated always as identity primary key,
    metric text not null,
    labels jsonb not null,
    seen_at timestamptz not null default now(),
    unique (metric, labels)
);

-- What a metric's series measured in a period: of counters and histograms what was added to them, of gauges their mean
-- and maximum. monitoring/blocks.py says how it is packed. A period may have several rows, which add up.
create table samples (
    -- Seconds of the period that begins at `at`.
    resolution integer not null check (resolution in (10, 60, 3600, 86400)),
    metric text not null,
    at timestamptz not null,
    fold bigint not null,
    packed bytea not null,
    primary key (resolution, metric, at, fold)
);
alter table samples alter packed set storage external;
-- What was folded since somebody last looked.
create index samples_by_fold on samples (fold) where resolution = 10;
create index samples_by_time on samples using brin (at) with (pages_per_range = 8);

-- What counters and histograms have come to since the beginning, up to and including a fold.
create table totals (
    metric text primary key,
    fold bigint not null,
    packed bytea not null
);
alter table totals alter packed set storage external;

-- How far samples are rolled up: no period that begins before is missing.
create table rollups (
    resolution integer primary key check (resolution in (60, 3600, 86400)),
    through timestamptz not null
);

-- How far what has happened is measured: the last fold, and up to when events, attempts and tasks are counted.
create table metering (
    is_only boolean primary key default true check (is_only),
    fold bigint not null default 0,
    through timestamptz not null default now()
);
insert into metering default values;
