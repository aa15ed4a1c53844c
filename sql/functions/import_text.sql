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

-- A piece of that text.
create or replace function sluice.import_text_bytes(id uuid, at bigint, most integer) returns bytea
    language plpgsql stable as $$
begin
    return (
        select string_agg(substring(p.data from greatest(at - x.start, 0)::integer + 1
                                    for (least(x.start + x.bytes, at + most) - greatest(at, x.start))::integer), ''::bytea
                          order by x.n)
          from (select q.n, q.bytes, sum(q.bytes) over (order by q.n) - q.bytes as start
                  from sluice.import_text q where q.text_id = id) x
          join sluice.import_text p on p.text_id = id and p.n = x.n
         where x.start < at + most and x.start + x.bytes > at);
end
$$;

grant execute on function
    sluice.import_text_put(uuid, uuid, integer, bytea), sluice.import_text_bytes(uuid, bigint, integer)
    to sluice_app;

reset role;
