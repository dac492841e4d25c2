-- Rate limits: GCRA, of which replicas lease small amounts ahead.

-- name: take
-- As many of the wanted requests as the limit has room for, and when there is room for the next one.
-- $1 key, $2 how many, $3 seconds for each, $4 how many at most at once.
insert into rates as held (key, arrival_at, granted)
values ($1, now() + least($2, $4::integer) * $3::float8 * interval '1 second', least($2, $4::integer))
on conflict (key) do update
set granted = greatest(0, least($2, floor(
        $4::integer - extract(epoch from greatest(held.arrival_at, now()) - now())::float8 / $3::float8 + 1e-6
    )))::integer,
    -- Later by as many requests as are granted.
    arrival_at = greatest(held.arrival_at, now()) + $3::float8 * interval '1 second' * greatest(0, least($2, floor(
        $4::integer - extract(epoch from greatest(held.arrival_at, now()) - now())::float8 / $3::float8 + 1e-6
    )))
returning granted, extract(epoch from arrival_at - now())::float8 - ($4::integer - 1) * $3::float8 as next_s

-- name: forget_rates
-- Limits that are unused again.
delete from rates
where arrival_at < now() - interval '1 minute'
