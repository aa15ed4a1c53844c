#!/usr/bin/python3
"""Runs once beside etcd: makes its users and turns its authentication on, through etcd's JSON gateway. Repeating it does
no harm: what is there stays, and where authentication is on already nothing is left to do.

PATRONI_ETCD3_HOSTS host:port,...; ETCD_ROOT_PASSWORD of its administrator; PATRONI_ETCD3_USERNAME and _PASSWORD of Patroni, which may
read and write below /service/ and nothing else."""
import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request

LIMIT_S = 120


def ask(host, path, **members):
    """The answer's members; an error that etcd tells is {'error': ...}."""
    request = urllib.request.Request(f'http://{host}/v3/{path}', json.dumps(members).encode())
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as e:
        return json.load(e)


def done(host, path, **members):
    """Whether it is as asked for, from now on or before."""
    error = ask(host, path, **members).get('error', '')
    if error and 'already exists' not in error:
        raise OSError(f'{path}: {error}')


def turn_on(host):
    # what only the administrator may ask is refused where nobody has signed in
    if 'user name is empty' in ask(host, 'auth/user/list').get('error', ''):
        return
    user, prefix = os.environ['PATRONI_ETCD3_USERNAME'], b'/service/'
    done(host, 'auth/role/add', name='root')
    done(host, 'auth/user/add', name='root', password=os.environ['ETCD_ROOT_PASSWORD'])
    done(host, 'auth/user/grant', user='root', role='root')
    done(host, 'auth/role/add', name=user)
    done(host, 'auth/role/grant', name=user, perm={
        'permType': 'READWRITE', 'key': base64.b64encode(prefix).decode(),
        'range_end': base64.b64encode(prefix[:-1] + bytes([prefix[-1] + 1])).decode()})
    done(host, 'auth/user/add', name=user, password=os.environ['PATRONI_ETCD3_PASSWORD'])
    done(host, 'auth/user/grant', user=user, role=user)
    done(host, 'auth/enable')


def main():
    hosts = os.environ['PATRONI_ETCD3_HOSTS'].split(',')
    deadline = time.monotonic() + LIMIT_S
    why = ''
    while time.monotonic() < deadline:
        for host in hosts:
            try:
                return turn_on(host)
            except (OSError, ValueError) as e:  # not there yet, no majority yet
                why = f'{host}: {e}'
        time.sleep(0.5)
    return why


sys.exit(main())
