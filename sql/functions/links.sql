-- What a request names beside the record it is about.

set role sluice_owner;

-- Refuses @members ({"lead_id": ..., "account_id": ...}) that name what the viewer does not see, with the words for what
-- is not there. A record that one sees shows its links, so what it has already may be sent again; of other records not
-- even that much is told. @scopes: what the viewer may read of each kind. @pointer: where the members stand.
create or replace function sluice.links_check(
    entity text, record uuid, members jsonb, viewer uuid, scopes jsonb, pointer text) returns void
    language plpgsql stable as $$
declare
    was jsonb;
    kind text;
    named text;
    seen boolean;
begin
    if record is not null then
        execute format('select to_jsonb(r) from sluice.%I r where r.id = $1 and r.deleted_at is null', entity)
           into was using record;
        if not sluice.in_scope(scopes ->> entity, viewer, coalesce(was ->> 'owner_id', was ->> 'assignee_id')::uuid) then
            was := null;
        end if;
    end if;
    foreach kind in array array['opportunity', 'lead', 'contact', 'account'] loop
        named := members ->> (kind || '_id');
        continue when named is null or named = was ->> (kind || '_id');
        execute format('select exists (select from sluice.%I r where r.id = $1 and r.deleted_at is null '
                       'and sluice.in_scope($2, $3, r.owner_id))', kind)
           into seen using named::uuid, scopes ->> kind, viewer;
        if not seen then
            perform sluice.refuse_link(substr(pointer || '/', 2) || kind || '_id', kind);
        end if;
    end loop;
end
$$;

grant execute on function sluice.links_check(text, uuid, jsonb, uuid, jsonb, text) to sluice_app;

reset role;
