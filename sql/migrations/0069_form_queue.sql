-- The queue of an intake form: where its leads wait that no rule gives to anybody.

set role sluice_owner;

alter table sluice.intake_form
    add column queue uuid constraint intake_form_queue_fk references sluice.team (id);

grant insert (queue), update (queue) on sluice.intake_form to sluice_app;

-- The form that a new lead came by, for as long as it waits for the rules.
alter table sluice.unassigned add column form_id uuid;

reset role;
