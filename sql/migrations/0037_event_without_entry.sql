-- An event need not be about a change of a record: that a mail is to be sent is written down nowhere else. It had the
-- entry 0, which there is not.

set role sluice_owner;

alter table sluice.outbox alter column audit_seq drop not null;
update sluice.outbox set audit_seq = null where audit_seq = 0;
comment on column sluice.outbox.audit_seq is 'The audit entry that the event tells of; null: no record has changed, only something is to be done.';

reset role;
