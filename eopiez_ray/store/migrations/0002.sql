-- Seconds of pauses, since a step began, during which timers stood still.
alter table steps add column frozen_s double precision not null default 0;
