-- A lease belongs to an orchestrator, not to each workflow that it holds.
alter table orchestrators add column lease_until timestamptz not null default '-infinity';
create or replace view living_orchestrators as
select orchestrators.*
from orchestrators
join pg_locks on locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())
    and (classid::bigint << 32 | objid::bigint) = lock_key;
create view leaseholders as
select *
from living_orchestrators
where lease_until >= clock_timestamp();
alter table workflows drop column lease_until;
