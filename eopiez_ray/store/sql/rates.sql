-- Rate limits: GCRA, of which replicas lease small amounts ahead.

-- name: take
-- As many of the wanted requests as the limit has room for, and when there is room for the next one.
-- $1 key, $2 how many, $3 seconds for each, $4 how many at most at once.
insert into rates as held (key, arrival_at, granted)
values ($1, clock_timestamp() + least($2, $4::integer) * $3 * interval '1 second', least($2, $4::integer))
on conflict (key) do update
set granted = greatest(0, least($2, floor(
        $4::integer
        - extract(epoch from greatest(held.arrival_at, clock_timestamp()) - clock_timestamp())::float8 / $3
        + 1e-6
    )))::integer,
    arrival_at = greatest(held.arrival_at, clock_timestamp()) + $3 * interval '1 second' * greatest(0, least($2, floor(
        $4::integer
        - extract(epoch from greatest(held.arrival_at, clock_timestamp()) - clock_timestamp())::float8 / $3
        + 1e-6
    )))
returning
    granted, extract(epoch from arrival_at - clock_timestamp())::float8 - ($4::integer - 1) * $3 as next_s

-- name: forget_rates
-- Limits that are unused again.
delete from rates
where arrival_at < clock_timestamp() - interval '1 minute'
