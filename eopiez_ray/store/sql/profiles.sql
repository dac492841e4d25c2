-- What has been measured about phases by running them.

-- name: save_profiles
-- Add measurements of phases.
insert into profiles (digest, name, version, tasks, wall_s, cpu_s, peak_bytes)
select *
from unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::double precision[], $6::double precision[], $7::bigint[]
)
on conflict (digest) do update
set tasks = profiles.tasks + excluded.tasks,
    wall_s = excluded.wall_s,
    cpu_s = excluded.cpu_s,
    peak_bytes = greatest(profiles.peak_bytes, excluded.peak_bytes),
    updated_at = now()

-- name: profiles
-- What has been measured about phases, most recently used first.
select digest, name, version, tasks, wall_s, cpu_s, peak_bytes, updated_at
from profiles
order by updated_at desc, digest
limit $1
