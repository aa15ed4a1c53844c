-- Who answers for sales sees what conversions bring along, without being an administrator.

set role sluice_owner;

insert into sluice.permission (key) values ('conversion.read');
insert into sluice.role_permission (role, permission) values ('admin', 'conversion.read'), ('manager', 'conversion.read');

reset role;
