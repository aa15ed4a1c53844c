"""Runs the recipe of docker/ha as it stands: each service of its compose file is a process, with the command and the
environment that the file gives it. Only names and folders are others: every service has a loopback address of its
own, and what would be a volume is a folder of the test."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import requests
import yaml

from contract import ROOT
from daemon import as_postgres, ask, binary, pid_lives, wait_for

RECIPE = ROOT / 'docker' / 'ha'
NAMES = [f'{kind}{n}' for kind in ('etcd', 'db', 'sluice') for n in (1, 2, 3)] + ['proxy', 'etcd_auth']
FOLDERS = ('/var/lib/etcd', '/var/lib/postgresql', '/var/lib/sluice', '/var/lib/haproxy')
PASSWORDS = {name: f'{name.lower()}-{random.getrandbits(64):x}' for name in
             ('POSTGRES_PASSWORD', 'REPLICATION_PASSWORD', 'SLUICE_ADMIN_PASSWORD', 'ETCD_ROOT_PASSWORD', 'ETCD_PASSWORD',
              'PATRONI_PASSWORD')}
PATRONI = ('patroni', PASSWORDS['PATRONI_PASSWORD'])  # who may tell its REST API what to do


def children(pid):
    """The pids below a process, itself first."""
    parents = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            parents.setdefault(int(path.read_text().rsplit(')', 1)[1].split()[1]), []).append(int(path.parent.name))
        except OSError:
            continue
    found = [pid]
    for parent in found:
        found += parents.get(parent, [])
    return found


def kill(*pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def sql(cluster, text, *values):
    return ask(text, values, cluster.url)


class Machines:
    """All services of the recipe; daemons says how many of the three daemons run."""

    def __init__(self, daemons=2, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix='sluice-ha-'))
        self.folder.chmod(0o755)
        self.daemons, self.settings = daemons, settings
        net = f'127.{random.randrange(16, 250)}.{random.randrange(1, 250)}'
        self.addresses = {name: f'{net}.{i + 1}' for i, name in enumerate(NAMES)}
        self.services = yaml.safe_load((RECIPE / 'compose.yaml').read_text())['services']
        self.processes = {}
        self.told = self.first = None
        self.http = requests.Session()
        self.http.trust_env = False
        for name in NAMES:
            place = self.folder / name
            place.mkdir()
            for file in RECIPE.iterdir():
                if file.is_file():
                    (place / file.name).write_text(self.here(name, file.read_text()))
                    shutil.copymode(file, place / file.name)
            if os.geteuid() == 0:
                shutil.chown(place, 'postgres', 'postgres')
            place.chmod(0o700)

    # the recipe, on this machine

    def here(self, name, text):
        """Text of the recipe, with addresses and folders as they are for a service."""
        text = re.sub(r'\$\{(\w+)[^}]*\}', lambda m: PASSWORDS.get(m[1], m[0]), text)
        text = re.sub(r'\b(?:etcd|db|sluice)[123](?![\w.]|:\n)', lambda m: self.addresses[m[0]], text)
        for folder in FOLDERS:
            text = text.replace(folder, str(self.folder / name / 'data'))
        text = text.replace('/etc/sluice-ha', str(self.folder / name))
        text = re.sub(r'\b(0\.0\.0\.0|127\.0\.0\.1)\b', self.addresses[name], text)
        return text.replace('172.29.111.10', '127.0.0.1')  # where the proxy's connections come from on loopback

    def environment(self, name):
        service = self.services[name]
        env = {'PATH': os.environ['PATH'] + ':/usr/sbin', 'HOME': str(self.folder / name), 'LANG': 'C.UTF-8'}
        env.update({k: self.here(name, v) for k, v in service.get('environment', {}).items()})
        if name.startswith('sluice'):
            env.update({'SLUICE_DATA_DIR': str(self.folder / name / 'data'), 'SLUICE_LOG_FORMAT': 'json',
                        'SLUICE_READY_FILE': str(self.folder / name / 'ready.json')})
            env.update({f'SLUICE_{k.upper()}': str(v) for k, v in self.settings.items()})
            env.update({k: os.environ[k] for k in ('ASAN_OPTIONS', 'UBSAN_OPTIONS') if k in os.environ})
        return env

    def command(self, name):
        if name.startswith('sluice'):
            return [binary()]
        return [self.here(name, word) for word in self.services[name]['command']]

    # running

    def start(self, *names):
        for name in names:
            (self.folder / name / 'data').mkdir(exist_ok=True, mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(self.folder / name / 'data', 'postgres', 'postgres')
            command = as_postgres(*self.command(name), reset_env=False)  # nothing here needs to be root
            with open(self.folder / name / 'log', 'ab') as log:
                self.processes[name] = subprocess.Popen(command, env=self.environment(name), stdout=log, stderr=log,
                                                        cwd=self.folder / name)

    def start_all(self):
        self.start('etcd1', 'etcd2', 'etcd3', 'etcd_auth')
        code = self.processes.pop('etcd_auth').wait(150)
        assert code == 0, self.log('etcd_auth')
        self.start('db1', 'db2', 'db3')
        wait_for(self.primary, 60, 'a primary')
        self.start(*self.sluices, 'proxy')
        for name in self.sluices:
            wait_for(lambda n=name: self.ready(n), 120, f'{name}')
        wait_for(lambda: self.get('proxy', 8080, '/readyz') == 200, 20, 'the proxy')
        self.told = self.firsts()
        self.first = next(d for d in self.told if 'admin' in d)
        return self

    @property
    def sluices(self):
        return [f'sluice{n + 1}' for n in range(self.daemons)]

    def get(self, name, port, path):
        try:
            return self.http.get(f'http://{self.addresses[name]}:{port}{path}', timeout=3).status_code
        except requests.RequestException:
            return None

    def ready(self, name):
        assert self.processes[name].poll() is None, f'{name} ended:\n{self.log(name)[-3000:]}'
        return self.get(name, 8080, '/readyz') == 200

    def log(self, name):
        path = self.folder / name / 'log'
        return path.read_text(errors='replace') if path.exists() else ''

    def firsts(self):
        """What the daemons say after their first start: one of them tells of the first administrator."""
        for name in self.sluices:
            wait_for((self.folder / name / 'ready.json').exists, 20, f'what {name} says')
        return [json.loads((self.folder / name / 'ready.json').read_text()) for name in self.sluices]

    # the database

    def members(self):
        """name -> role and state, as Patroni sees them; {} while nobody answers."""
        for name in ('db1', 'db2', 'db3'):
            try:
                answer = self.http.get(f'http://{self.addresses[name]}:8008/cluster', timeout=3)
                found = {m['host']: m for m in answer.json()['members'] if 'host' in m}
            except (requests.RequestException, ValueError, KeyError):
                continue
            places = {address: n for n, address in self.addresses.items()}
            return {places[host]: m for host, m in found.items()}
        return {}

    def primary(self):
        """The machine that takes writes, or None."""
        for name in ('db1', 'db2', 'db3'):
            if self.get(name, 8008, '/primary') == 200:
                return name
        return None

    def whole(self, synchronous=True):
        """The primary, if all three machines are there and one has every commit; or none of them must have."""
        primary = self.primary()
        members = self.members()
        if primary and len(members) == 3 and all(m['state'] in ('running', 'streaming') for m in members.values()) \
                and any(m['role'] == 'sync_standby' for m in members.values()) == synchronous \
                and len({m.get('timeline') for m in members.values()}) == 1:
            return primary
        return None

    def set_up(self, **settings):
        """Changes the cluster's settings, as `patronictl edit-config` does."""
        answer = self.http.patch(f'http://{self.addresses[self.primary()]}:8008/config', json=settings, auth=PATRONI, timeout=10)
        assert answer.status_code == 200, answer.text

    def sql(self, name, text, *values, dbname='sluice'):
        return ask(text, values, host=self.addresses[name], dbname=dbname, user='postgres',
                   password=PASSWORDS['POSTGRES_PASSWORD'], connect_timeout=5)

    def postgres(self, name):
        """The pids of a machine's PostgreSQL, the postmaster first."""
        try:
            pid = int((self.folder / name / 'data' / 'data' / 'postmaster.pid').read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return []
        return children(pid) if pid_lives(pid) else []

    def die(self, number):
        """A machine loses its power: everything on it is gone between two instructions."""
        names = [n for n in (f'db{number}', f'etcd{number}', f'sluice{number}') if n in self.processes]
        kill(*(self.processes[n].pid for n in names), *self.postgres(f'db{number}'))
        for name in names:
            self.processes.pop(name).wait(10)
        return time.monotonic()

    def kill(self, name):
        process = self.processes.pop(name)
        kill(process.pid)
        process.wait(10)
        return time.monotonic()

    def stop(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def listed(self):
        """Whether the proxy gives requests to every daemon that runs."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / 'proxy' / 'data' / 'control'))
            control.sendall(b'show stat\n')
            text = b''.join(iter(lambda: control.recv(65536), b'')).decode()
        up = [line for line in text.splitlines() if line.startswith('ready,s') and ',UP,' in line]
        return len(up) == sum(name in self.processes for name in self.sluices)

    def come_back(self, number):
        self.start(f'etcd{number}', f'db{number}', *(n for n in [f'sluice{number}'] if n in self.sluices))

    def destroy(self):
        for name in ('proxy', *self.sluices, 'db1', 'db2', 'db3', 'etcd1', 'etcd2', 'etcd3'):
            process = self.processes.get(name)
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM if name.startswith('sluice') else signal.SIGKILL)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
            if name.startswith('db'):
                kill(*self.postgres(name))
        shutil.rmtree(self.folder, ignore_errors=True)
