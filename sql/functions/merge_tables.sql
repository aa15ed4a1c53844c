-- What a merge knows of the schema, as rows. tests/sql/merge.sql holds both lists to the catalogue: a new table or
-- column that is in neither fails there.

set role sluice_owner;

-- Columns that name a lead, account or contact. Those that move point to the survivor afterwards; the others tell
-- what happened to the loser, and stay. In the order in which whoever writes locks them.
create or replace function sluice.merge_links() returns table (entity text, child text, link text, moves boolean)
    language sql immutable parallel safe as $$
    values
        ('lead',    'activity',          'lead_id',     true),
        ('account', 'activity',          'account_id',  true),
        ('contact', 'activity',          'contact_id',  true),
        ('lead',    'task',              'lead_id',     true),
        ('account', 'task',              'account_id',  true),
        ('contact', 'task',              'contact_id',  true),
        ('lead',    'lead_touch',        'lead_id',     true),
        ('lead',    'intake_submission', 'lead_id',     true),
        ('account', 'account_contact',   'account_id',  true),
        ('contact', 'account_contact',   'contact_id',  true),
        ('account', 'equipment',         'account_id',  true),
        ('account', 'invoice',           'account_id',  true),
        ('account', 'complaint',         'account_id',  true),
        ('lead',    'opportunity',       'lead_id',     true),
        ('account', 'opportunity',       'account_id',  true),
        ('contact', 'opportunity',       'contact_id',  true),
        ('account', 'lead',              'account_id',  true),
        ('contact', 'lead',              'contact_id',  true),
        ('lead',    'contact',           'lead_id',     true),
        ('account', 'contact',           'account_id',  true),
        ('lead',    'account',           'lead_id',     true),
        ('account', 'account',           'duplicate_of', false), -- what it was rejected for
        ('account', 'account_claim',     'record_id',   false),
        ('lead',    'lead',              'merged_into', false),  -- who was merged into it: read as a chain
        ('account', 'account',           'merged_into', false),
        ('contact', 'contact',           'merged_into', false),
        (null,      'visit',             'record_id',   false),
        (null,      'visit_step',        'record_id',   false),
        (null,      'forgotten',         'record_id',   false),
        (null,      'audit',             'record_id',   false),
        (null,      'outbox',            'record_id',   false),
        (null,      'search_text',       'record_id',   false),
        (null,      'timer',             'record_id',   false),
        (null,      'recheck',           'record_id',   false),
        (null,      'checklist_tick',    'record_id',   false),
        (null,      'transition_draft',  'record_id',   false),
        (null,      'approval',          'record_id',   false),
        (null,      'job_item',          'record_id',   false),
        (null,      'match_key',         'record_id',   false),  -- these four are made anew of what is written
        (null,      'match_name',        'record_id',   false),
        (null,      'rekey',             'record_id',   false),
        (null,      'duplicate_pair',    'record_id',   false),
        (null,      'custom_value',      'record_id',   false),  -- follows what is written
        ('lead',    'lead_score',        'lead_id',     false),  -- computed anew, of what moves
        ('lead',    'lead_score_change', 'lead_id',     false),
        ('lead',    'rescore',           'lead_id',     false),
        ('lead',    'lead_assignment',   'lead_id',     false),  -- what was decided about the loser
        ('lead',    'lead_queue',        'lead_id',     false),
        ('lead',    'unassigned',        'lead_id',     false),
        (null,      'import_row',        'record_id',   false),
        (null,      'import_seen',       'record_id',   false),
        (null,      'merge_moved',       'record_id',   false)
$$;

-- Columns that a merge may bring from a loser, under the field's name in the API. Fields of one part are filled from
-- the same record: half an address of each would be nobody's. What is not here is the survivor's own: its state and
-- what belongs to it, its first source, its origin.
create or replace function sluice.merge_fields() returns table (entity text, field text, columns text[], part text)
    language sql immutable parallel safe as $$
    select e, f, case f when 'estimated_value' then '{estimated_value_amount,estimated_value_currency}'
                        else array[f] end,
           case when f in ('street', 'postcode', 'city', 'country') then 'address' else f end
      from (values
        ('lead', '{first_name,last_name,email,phone,company,job_title,tax_id,website,industry,street,postcode,city,country,'
                 'need,budget_confirmed,estimated_value,description,external_id,owner_id}'::text[]),
        ('account', '{name,tax_id,email,phone,website,industry,street,postcode,city,country,description,external_id,owner_id}'),
        ('contact', '{account_id,first_name,last_name,email,phone,job_title,role,description,external_id,owner_id}')
           ) v(e, fields), unnest(v.fields) f
$$;

grant execute on function sluice.merge_links(), sluice.merge_fields() to sluice_app;

reset role;
