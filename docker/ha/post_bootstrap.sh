#!/bin/sh
# Runs once, on the machine that makes the database cluster; Patroni passes the connection string of the superuser.
set -eu
psql -X -q -v ON_ERROR_STOP=1 -v admin_password="$SLUICE_ADMIN_PASSWORD" "$1" <<'SQL'
create role sluice_admin login createrole password :'admin_password';
create database sluice owner sluice_admin;
SQL
