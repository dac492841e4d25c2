-- How far finished work is exported to a collector of traces.
create table tracing (
    is_only boolean primary key default true check (is_only),
    through timestamptz not null
);

-- Where workflows stand in their callers' traces.
alter table workflows add column traceparent text;
