-- How the whole system is: for health checks and metrics.

-- name: server
-- The server's version and its clock, in Unix seconds.
select
    current_setting('server_version') as version, extract(epoch from clock_timestamp())::double precision as now

-- name: orchestrators_alive
-- Orchestrators that may drive workflows now: how many, how many of them take any workflow, and on how many clusters.
select
    count(*)::integer as orchestrators,
    (count(*) filter (where takes_any))::integer as takers,
    count(distinct cluster)::integer as clusters
from leaseholders

