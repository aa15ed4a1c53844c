-- query: version_doc one read
-- Any version, drafts too, as the document that the daemon compiles.
-- in: version uuid
select v.status, sluice.blueprint_doc(v.id) as doc
  from sluice.blueprint_version v
 where v.id = :version;

-- query: version_figures many slow
-- How many records of the blueprint are in each state now, and how long the finished stays were.
-- in: version uuid
select f.state, f.count, f.median_s
  from sluice.state_figures(:version) f
 order by f.state;
