-- Which programs work on a schema, besides those that were made for it.
alter table schema_version add column compatible_since integer;
