-- query: links_check none read
-- Refuses links to records that the caller does not see; see sluice.links_check.
-- in: entity  text
-- in: id      uuid
-- in: members jsonb
-- in: viewer  uuid
-- in: scopes  jsonb
-- in: at      text
select sluice.links_check(:entity, :id, :members, :viewer, :scopes, :at);
