#!/usr/bin/python3
"""bench_listing - what twenty nested guards cost: listing the transitions of a lead and executing one.

usage: tests/bench/bench_listing.py [--seconds 4] [--rounds 3] [--connections 16]

Two processes that differ in nothing but guards: none, or twenty in nested groups on each transition. Prints
requests a second as medians of interleaved rounds, and the ratio of the two; 1.3 is the limit.
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'api'))
import psycopg2  # noqa: E402
import requests  # noqa: E402
from daemon import Daemon  # noqa: E402

LEADS = 400


def guards():
    """Five groups of four guards, two deep; all hold for the leads that are made here."""
    def group(n):
        return {'key': f'all_{n}', 'op': 'all', 'guards': [
            {'key': f'any_{n}', 'op': 'any', 'guards': [
                {'key': f'call_{n}', 'kind': 'related_count', 'params': {'of': 'activity', 'kind': 'call', 'has_subject': True}},
                {'key': f'city_{n}', 'kind': 'field_compare', 'params': {'field': 'city', 'op': 'ne', 'value': 'Paris'}}]},
            {'key': f'none_{n}', 'op': 'none', 'guards': [
                {'key': f'value_{n}', 'kind': 'field_compare',
                 'params': {'field': 'estimated_value.amount', 'op': 'gte', 'value': '1000000'}}]},
            {'key': f'industry_{n}', 'kind': 'field_present', 'params': {'field': 'industry'}}]}
    return [group(n) for n in range(5)]


def process(key, with_guards):
    label = {'en': key}
    move = {'guards': guards()} if with_guards else {}
    return {'entity': 'lead', 'key': key, 'number': 1, 'label': label,
            'states': [{'key': s, 'label': label, 'category': 'open'} for s in ('here', 'there')],
            'transitions': [{'key': 'born', 'label': label, 'kind': 'initial', 'to': 'here'},
                            {'key': 'go', 'label': label, 'from': ['here'], 'to': 'there', **move},
                            {'key': 'back', 'label': label, 'from': ['there'], 'to': 'here', **move}]}


LUA = '''
wrk.headers["Authorization"] = "Bearer %(token)s"
wrk.headers["Content-Type"] = "application/json"
local ids = {%(ids)s}
local at, pass = 0, 0
local key = {"go", "back"}
local probed = false
bad, told = 0, ""
request = function()
  if not probed then  -- wrk asks once before it begins, and does not send it: that lead would be a move behind
    probed = true
    return wrk.format("GET", "/v1/leads/" .. ids[1])
  end
  at = at + 1
  if at > #ids then at, pass = 1, pass + 1 end
  %(request)s
end
response = function(status, headers, body)
  if status >= 300 then bad, told = bad + 1, status .. " " .. body:sub(1, 600):gsub("[\\r\\n]", " ") end
end
threads = {}
setup = function(thread) table.insert(threads, thread) end
done = function(summary, latency)
  local failed, why = 0, ""
  for _, thread in ipairs(threads) do failed, why = failed + thread:get("bad"), thread:get("told") end
  io.write(string.format("RESULT %%.1f %%d %%s\\n", summary.requests / summary.duration * 1e6, failed, why))
end
'''
REQUESTS = {
    'list': 'return wrk.format("GET", "/v1/leads/" .. ids[at] .. "/transitions")',
    'move': 'return wrk.format("POST", "/v1/leads/" .. ids[at] .. "/transitions/" .. key[pass % 2 + 1], nil, "{}")',
}


def wrk(daemon, options, token, ids, what):
    script = daemon.folder / 'wrk.lua'
    script.write_text(LUA % {'token': token, 'ids': ','.join(f'"{i}"' for i in ids), 'request': REQUESTS[what]})
    # moves of one lead go one after the other: more connections than that would only collide
    connections = options.connections if what == 'list' else 1
    run = subprocess.run(['wrk', '-t1', f'-c{connections}', f'-d{options.seconds}s', '-s', str(script), daemon.url],
                         capture_output=True, text=True)
    found = re.search(r'RESULT (\S+) (\d+) (.*)', run.stdout)
    if not found:
        raise SystemExit(run.stdout + run.stderr)
    if found[3]:
        print(f'{what}: {found[2]} requests failed, the last one with {found[3]}')
    return float(found[1]), int(found[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=int, default=4)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--connections', type=int, default=16)
    options = parser.parse_args()
    daemon = Daemon(Path(tempfile.mkdtemp(prefix='sluice-bench-'))).start()
    try:
        http = requests.Session()
        http.trust_env = False
        token = http.post(daemon.url + '/v1/session', json=daemon.admin, timeout=30).json()['access_token']
        http.headers['Authorization'] = f'Bearer {token}'
        db = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres')
        db.autocommit = True
        ids, rates, failed = {}, {}, 0
        for n, with_guards in enumerate((False, True)):
            with db.cursor() as cursor:
                key = f'bench_{n}'
                cursor.execute('select sluice.blueprint_import(%s::jsonb)', (json.dumps(process(key, with_guards)),))
                cursor.execute('update sluice.blueprint set priority = %s where key = %s', (1000 + n, key))
            ids[with_guards] = []
            for i in range(LEADS):
                lead = http.post(daemon.url + '/v1/leads', timeout=30, json={
                    'last_name': f'Bench {i}', 'industry': 'rail', 'city': 'Radom',
                    'estimated_value': {'amount': '100.00', 'currency': 'PLN'}}).json()['id']
                ids[with_guards].append(lead)
                for kind in ('call', 'meeting', 'email'):
                    http.post(daemon.url + '/v1/activities', timeout=30, json={'lead_id': lead, 'kind': kind, 'subject': 'Bench'})
        with db.cursor() as cursor:
            cursor.execute('vacuum analyze')
        for _ in range(options.rounds):
            for what in REQUESTS:
                for with_guards in (False, True):
                    # each round begins where the records are: "here", whatever an earlier one left
                    with db.cursor() as cursor:
                        cursor.execute("select set_config('sluice.cause', '{}', false)")
                        cursor.execute("update sluice.lead set state = 'here' where id = any(%s::uuid[])", (ids[with_guards],))
                    rate, bad = wrk(daemon, options, token, ids[with_guards], what)
                    rates.setdefault((what, with_guards), []).append(rate)
                    failed += bad
        print(f'{"":6}{"none/s":>10}{"20 guards/s":>13}{"ratio":>8}')
        for what in REQUESTS:
            none, some = (statistics.median(rates[what, g]) for g in (False, True))
            print(f'{what:6}{none:10.0f}{some:13.0f}{none / some:8.2f}')
        print(f'{failed} requests failed')
        return 1 if failed else 0
    finally:
        daemon.destroy()


if __name__ == '__main__':
    sys.exit(main())
