-- The text that the sheet of a workbook becomes.

set role sluice_owner;

-- Keeps a piece of the text that the sheet of a workbook becomes.
create or replace function sluice.import_text_put(import uuid, text_id uuid, n integer, data bytea) returns void
    language plpgsql security definer set search_path = sluice, pg_temp as $$
begin
    perform sluice.import_open(import);
    insert into sluice.import_text (text_id, import_id, n, bytes, data)
    values (import_text_put.text_id, import, import_text_put.n, octet_length(import_text_put.data), import_text_put.data);
end
$$;

-- Forgets files, and what was unpacked of them, thirty days after their imports were last worked on: those of imports that
-- have run are of no use any more, and whoever left one before its run sends the file again. What became of the rows
-- stays. At most @most imports; returns how many pieces went.
create or replace function sluice.import_purge(most integer) returns bigint
    language plpgsql security definer set search_path = sluice, pg_temp as $$
declare
    gone constant uuid[] := array(
        select i.id from sluice.import i
         where i.updated_at < sluice.now() - interval '30 days' and i.status not in ('checking', 'running', 'reverting')
           and (exists (select from sluice.import_part p where p.import_id = i.id)
                or exists (select from sluice.import_text t where t.import_id = i.id))
         order by i.id limit most for update skip locked);
    parts bigint;
    texts bigint;
begin
    delete from sluice.import_part p where p.import_id = any (gone);
    get diagnostics parts = row_count;
    delete from sluice.import_text t where t.import_id = any (gone);
    get diagnostics texts = row_count;
    update sluice.import i
       set status = 'uploading', columns = null, file_hash = null, bytes = 0, text_id = null, text_bytes = null
     where i.id = any (gone) and i.run_at is null;
    return parts + texts;
end
$$;

grant execute on function
    sluice.import_purge(integer), sluice.import_text_put(uuid, uuid, integer, bytea)
    to sluice_app;

reset role;
