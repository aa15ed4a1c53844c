-- Breaking the glass, and approvals.

set role sluice_owner;

insert into sluice.permission (key) values ('transition.force');
insert into sluice.role_permission (role, permission) values ('admin', 'transition.force');

reset role;
