"""peer - starts the peer of tests/bench/peer on the database of a rig."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import requests

from loads import FILTER
from rig import ROOT, STATES_MAX, children, family_us, memory_kb

SOURCE = ROOT / 'tests' / 'bench' / 'peer'
BUILT = ROOT / 'build' / 'peer'
AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'  # of this machine, not only those that Node brings
TOKEN = 'bench-' + 'x' * 40


def install():
    """Its packages, at the versions of the lock file."""
    BUILT.mkdir(parents=True, exist_ok=True)
    lock = BUILT / 'package-lock.json'
    if not (BUILT / 'node_modules' / 'pg').exists() or lock.read_bytes() != (SOURCE / lock.name).read_bytes():
        for name in ('package.json', 'package-lock.json'):
            shutil.copy(SOURCE / name, BUILT / name)
        subprocess.run(['npm', 'ci', '--loglevel=error', '--no-audit', '--no-fund', '--ignore-scripts'], cwd=BUILT, check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, NODE_EXTRA_CA_CERTS=AUTHORITIES))
    for path in SOURCE.glob('*.js'):
        shutil.copy(path, BUILT / path.name)


class Peer:
    token = TOKEN

    def __init__(self, rig, workers):
        install()
        self.rig, self.workers = rig, workers
        rig.ask((SOURCE / 'schema.sql').read_text())
        rig.ask('insert into peer.session values (%s, %s, %s)', (hashlib.sha256(TOKEN.encode()).digest(), rig.user, ['admin']))
        rig.settle()
        items = rig.http.get(rig.url + '/v1/blueprints', timeout=30).json()['items']
        document = rig.http.get(rig.url + '/v1/blueprints/' + next(i['id'] for i in items if i['key'] == 'lead_default'), timeout=30).json()
        document['version_id'] = rig.ask("select blueprint_version_id::text from sluice.lead limit 1")
        (rig.folder / 'process.json').write_text(json.dumps(document))
        self.process = subprocess.Popen(
            ['node', str(BUILT / 'server.js')], stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, NODE_ENV='production', WORKERS=str(workers), PROCESS=str(rig.folder / 'process.json'),
                     PGHOST=str(rig.daemon.socket_folder), PGUSER='peer', PGDATABASE='sluice'))
        try:
            line = self.process.stdout.readline()
            port = re.fullmatch(r'listening (\d+)\n', line)
            assert port, f'the peer did not start: {line}'
            self.url = f'http://127.0.0.1:{port[1]}'
            self.compare()
        except BaseException:
            self.close()
            raise

    def compare(self):
        """Says what the peer's answers lack: it is a peer only as far as it answers the same."""
        lead = '/v1/leads/' + self.rig.ask("select md5('1')::uuid::text")

        def both(path):
            own = {'Authorization': f'Bearer {TOKEN}'}
            return (requests.get(self.url + path, headers=own, timeout=30).json(),
                    self.rig.http.get(self.rig.url + path, timeout=30).json())

        theirs, ours = both(lead)
        if set(theirs) != set(ours):
            print(f'the peer lacks members of a lead: {", ".join(sorted(set(ours) - set(theirs)))}')
        theirs, ours = both(lead + '/transitions')
        assert [(t['key'], t['available']) for t in theirs['items']] == [(t['key'], t['available']) for t in ours['items']]
        theirs, ours = both(FILTER)
        assert len(ours['items']) == 50 or self.rig.leads < 5000
        assert [i['id'] for i in theirs['items']] == [i['id'] for i in ours['items']]
        assert requests.get(self.url + lead, timeout=30).status_code == 401

    def states(self):
        return self.rig.ask('select jsonb_object_agg(l.id, l.state) from generate_series(1, %s) n '
                            'join peer.lead l on l.id = md5(n::text)::uuid', (min(self.rig.leads, STATES_MAX),))

    def spent(self):
        return family_us(self.rig.postmaster), family_us(self.process.pid)

    def memory_kb(self):
        return sum(memory_kb(p) for p in [self.process.pid, *children(self.process.pid)])

    def close(self):
        self.process.terminate()
        self.process.wait(20)
