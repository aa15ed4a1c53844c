-- The rows of a slice go in as arrays: the functions that took them as one JSON text have other arguments now.

set role sluice_owner;

drop function if exists sluice.import_slice(uuid, uuid, bigint, bigint, bigint, boolean, bigint[], uuid[], text[], json, json, text[], jsonb, jsonb);
drop function if exists sluice.import_births(uuid, json);
drop function if exists sluice.import_words(text, bigint[], text[], json);
drop function if exists sluice.import_matches(text, bigint[], text[], json);
drop function if exists sluice.import_match(text, uuid[], text[], json);
drop function if exists sluice.import_insert(uuid, text, json, text);
drop function if exists sluice.import_faults(bigint[], json);
drop function if exists sluice.import_store(uuid, text, bigint[], json, text);

reset role;
