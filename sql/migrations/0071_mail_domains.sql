-- Where e-mail can be delivered: what the name servers say about the domains of addresses.

set role sluice_owner;

-- The domains of living records, and what was answered about them. next_check_at is when to look (again), or until
-- when a daemon has the domain in hand. seen_at: when an address with it was last met, to the day.
create table sluice.mail_domain (
    id            uuid not null constraint mail_domain_pk primary key,
    domain        text not null constraint mail_domain_domain_key unique,
    verdict       text not null default 'unknown' constraint mail_domain_verdict_check
                  check (verdict in ('accepts', 'refuses', 'unknown')),
    reason        text constraint mail_domain_reason_check
                  check (reason in ('mx', 'address', 'null_mx', 'no_domain', 'no_host')),
    checked_at    timestamptz,
    failures      integer not null default 0,
    seen_at       timestamptz not null default sluice.now(),
    next_check_at timestamptz not null default sluice.now(),
    constraint mail_domain_reason_given check ((verdict = 'unknown') = (reason is null))
) with (fillfactor = 85);
create index mail_domain_next_check_at on sluice.mail_domain (next_check_at);
create index mail_domain_refuses on sluice.mail_domain (domain) where verdict = 'refuses';

-- How far the look at all addresses has come.
create table sluice.mail_sweep (
    id    boolean not null default true constraint mail_sweep_pk primary key constraint mail_sweep_id_check check (id),
    after text not null default ''
);
insert into sluice.mail_sweep default values;

grant select (id, domain, verdict, reason, checked_at, failures, seen_at, next_check_at) on sluice.mail_domain to sluice_app;

insert into sluice.permission (key) values ('mail_domain.read');
insert into sluice.role_permission (role, permission) values ('admin', 'mail_domain.read'), ('manager', 'mail_domain.read');

reset role;
