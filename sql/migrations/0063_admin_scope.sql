-- What an administrator may do, he may do to all: a smaller scope of it means nothing that would protect anybody. Who
-- may write "his own" user could give himself every role.

set role sluice_owner;

delete from sluice.role_permission where permission like 'admin.%' and scope <> 'all';
alter table sluice.role_permission add constraint role_permission_admin_check
    check (permission not like 'admin.%' or scope = 'all');

reset role;
