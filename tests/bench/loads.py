"""loads - what is asked, by name: as HTTP for wrk, and the same statements for pgbench.

Every load is a Load: one request to record what the daemon sends for it, how pgbench varies that, and a Lua function
that makes wrk's requests. Requests are made before the clock runs where that can be: the load tools share the machine.
"""
import json
import random
import re
import typing

from recorded import REPEATED
from rig import bodies

MOVERS, READERS = 8, 4  # clients of pgbench
OF_KEYS = {'first_name', 'last_name', 'company', 'email', 'phone', 'city', 'country'}
PICK = 'md5(:n::text)::uuid'
FIELDS = {'nurture': {'nurture_until': '2047-06-01'}, 'call_back': {'call_back_at': '2047-06-01T09:00:00Z'}}
MIX = {'get': 60, 'list': 12, 'filter': 8, 'options': 10, 'move': 7, 'create': 3}


class Load(typing.NamedTuple):
    title: str
    floor: typing.Optional[float]  # of pgbench with the same statements
    aim: typing.Optional[float]
    peer_floor: typing.Optional[float]  # of the peer
    peer_aim: typing.Optional[float]
    writes: bool
    lua: str


# wrk asks for one request before it begins, which it does not send
LUA = '''
math.randomseed(SEED)
wrk.headers["Authorization"] = "Bearer TOKEN"
wrk.headers["Content-Type"] = "application/json"
local make, at = {}, 0
IDS
local function any() return ids[math.random(#ids)] end
PARTS
local probed = false
request = function()
  if not probed then probed = true return wrk.format("GET", "/v1/leads/" .. ids[1]) end
  return next_request()
end
told = ""
TOLD
threads = {}
setup = function(thread) table.insert(threads, thread) end
done = function(summary, latency)
  local e, why = summary.errors, ""
  local failed = e.connect + e.read + e.write + e.timeout + e.status
  for _, thread in ipairs(threads) do why = thread:get("told") end
  io.write(string.format("RESULT %d %.1f %.3f %.3f %d %s\\n", summary.requests, summary.requests / summary.duration * 1e6,
           latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed, why))
end
'''
# A response that Lua sees costs a quarter of what wrk takes; pgbench does not look at its own: only for what went wrong.
TOLD = '''
response = function(status, headers, body)
  if status >= 400 and told == "" then told = status .. " " .. body:sub(1, 600):gsub("[\\r\\n]", " ") end
end
'''
READ = 'make.{name} = function() return wrk.format("GET", {path}) end\n'
MOVE = '''local turn = 0
make.move = function()  -- a lead after the other, to the state that it is not in
  turn = turn % #movers + 1
  local id = movers[turn]
  local key = state[turn] == "nurture" and "call_back" or "nurture"
  state[turn] = key
  return wrk.format("POST", "/v1/leads/" .. id .. "/transitions/" .. key, nil, fields[key])
end
'''
CREATE = '''local more = io.lines("BODIES")
make.create = function() return wrk.format("POST", "/v1/leads", nil, assert(more(), "no bodies left")) end
'''
MIXED = '''next_request = function()
  local n = math.random(100)
  for i = 1, #mix do
    n = n - mix[i][2]
    if n <= 0 then return make[mix[i][1]]() end
  end
end
'''
FILTER = '/v1/leads?limit=50&owner=me&status=contacted'
LOADS = {
    'get': Load('a lead', 0.65, 0.85, 3.0, 4.0, False, READ.format(name='get', path='"/v1/leads/" .. any()')),
    'list': Load('50 leads', 0.55, 0.70, 4.0, 5.5, False, READ.format(name='list', path='"/v1/leads?limit=50"')),
    'filter': Load('50 by state and owner', 0.55, 0.70, 4.0, 5.5, False, READ.format(name='filter', path=f'"{FILTER}"')),
    'create': Load('a new lead', 0.75, 0.90, 1.3, 1.5, True, CREATE),
    'options': Load('its transitions', 0.65, 0.85, 3.0, 4.0, False,
                    READ.format(name='options', path='"/v1/leads/" .. any() .. "/transitions"')),
    'move': Load('a transition', 1.00, 1.10, 2.5, 3.0, True, MOVE),
    'mixed': Load('all of them', 0.65, 0.85, 2.5, 3.0, True, ''),
    'deep': Load('50 leads, from the middle', None, None, None, None, False, READ.format(name='deep', path='"DEEP"')),
    'large': Load('100 leads, one client', None, None, None, None, False,
                  READ.format(name='large', path='"/v1/leads?limit=100"')),
}


def lua(name, token, states, bodies, told=False):
    """The script for wrk: @states of the leads that may be moved, a file with @bodies to post; @told: it says why the
    first request failed."""
    everything = name == 'mixed'
    need = list(MIX) if everything else [name]
    ids = ['local ids = {' + ','.join(f'"{i}"' for i in states) + '}']
    if 'move' in need:
        movers = [i for i, s in states.items() if s in FIELDS]
        random.shuffle(movers)
        ids += ['local movers = {' + ','.join(f'"{i}"' for i in movers) + '}',
                'local state = {' + ','.join(f'"{states[i]}"' for i in movers) + '}',
                'local fields = {' + ','.join(f'{k} = [==[{json.dumps({"fields": v})}]==]' for k, v in FIELDS.items()) + '}']
    parts = [LOADS[n].lua.replace('BODIES', str(bodies)) for n in need]
    if everything:
        parts += ['local mix = {' + ','.join(f'{{"{n}", {w}}}' for n, w in MIX.items()) + '}', MIXED]
    else:
        parts += [f'next_request = make.{name}']
    return (LUA.replace('SEED', str(random.randrange(1 << 30))).replace('TOKEN', token).replace('IDS', '\n'.join(ids))
            .replace('PARTS', '\n'.join(parts)).replace('TOLD', TOLD if told else ''))


class Scripts:
    """Writes what was recorded as scripts of pgbench."""

    def __init__(self, rig, recorder):
        self.rig, self.recorder, self.values = rig, recorder, {}
        self.sample = rig.ask("select md5('2')::uuid::text")
        self.recorded = {}

    def request(self, name, spare):
        rig, url = self.rig, self.rig.daemon.url
        path = {'get': f'/v1/leads/{self.sample}', 'list': '/v1/leads?limit=50', 'filter': FILTER, 'large': '/v1/leads?limit=100',
                'options': f'/v1/leads/{self.sample}/transitions'}.get(name)
        if path:
            answer = rig.http.get(url + path, timeout=30)
        elif name == 'create':
            answer = rig.http.post(url + '/v1/leads', json=next(spare), timeout=30)
        else:
            state = rig.ask('select state from sluice.lead where id = %s', (self.sample,))
            key = 'call_back' if state == 'nurture' else 'nurture'
            answer = rig.http.post(f'{url}/v1/leads/{self.sample}/transitions/{key}', json={'fields': FIELDS[key]}, timeout=30)
        assert answer.ok, answer.text

    def types(self, text, n):
        """Of the @n parameters of a statement, as PostgreSQL sees them; those that it does not use are texts."""
        used = {int(x) for x in re.findall(r'\$(\d+)', text)}
        given = ', '.join('unknown' if i + 1 in used else 'text' for i in range(n))
        with self.rig.db.cursor() as cursor:
            cursor.execute('set search_path = sluice, pg_temp')
            cursor.execute(f'prepare bench_types{f"({given})" if n else ""} as ' + text.replace('%', '%%'))
            cursor.execute("select parameter_types::text[] from pg_prepared_statements where name = 'bench_types'")
            types = cursor.fetchone()[0]
            cursor.execute('deallocate bench_types')
        return types

    def statement(self, load, n, s, expressions):
        """With what varies as an expression, and the rest as variables, as the daemon sends parameters."""
        stray = re.search(r'(?<![:\w]):[A-Za-z_]', s.text)
        assert not stray, f'pgbench would take this for a variable: {s.text}'
        parts = {}
        for i, (name, value, kind) in enumerate(zip(s.names, s.values, self.types(s.text, len(s.values)))):
            if name in expressions:
                text = expressions[name]
            elif value == self.sample:
                text = PICK
            elif value is None:
                text = 'null'
            else:
                variable = f'{load}{n}_{i + 1}'
                self.values[variable] = value
                text = ':' + variable
            parts[f'${i + 1}'] = f'{text}::{kind}'
        return re.sub(r'\$\d+', lambda m: parts[m[0]], s.text).rstrip().rstrip(';')

    def sent(self, i, keys, body):
        """What goes before the write of a lead, in the frame that was recorded."""
        old = next(s for s in self.recorded['create'] if s.names == ['sent'])
        frame = json.loads(old.values[0])
        record = {**keys, 'entity': 'lead', 'id': i, 'of': {k: v for k, v in body.items() if k in OF_KEYS}}
        return json.dumps({**frame, 'records': [record]})

    def script(self, name, table=None):
        """The script; @table is where create finds leads that are not there yet."""
        if name not in self.recorded:
            spare = bodies(0, REPEATED)
            self.recorded[name] = self.recorder.record(lambda: self.request(name, spare))
        expressions = {}
        if name == 'create':
            expressions = {k: f'(select {k} from {table or "nowhere"} where n = :n)' for k in ('id', 'body', 'sent')}
        if name == 'move':
            expressions = {'expected_version': ':version', 'from_state': ':state', 'transition': ':next', 'fields': ':fields',
                           'evidence': ':evidence', 'ids': 'array[gen_random_uuid()]'}
        asks = {}
        for n, s in enumerate(self.recorded[name]):
            asks.setdefault(s.ask, []).append(self.statement(name, n, s, expressions))
        out = [self.pick(name)]
        for statements in asks.values():
            if 'expected_version' in expressions and 'facts' in statements[0]:
                out.append(decide(statements[0]))
            elif len(statements) == 1:
                out.append(statements[0] + ';')
            else:
                out += ['\\startpipeline', *(t + ';' for t in statements), '\\endpipeline']
        return '\n'.join(out) + '\n'

    def pick(self, name):
        if name == 'create':
            return f'\\set at :at + 1\n\\set n :at * {MOVERS} + :client_id'
        if name == 'move':  # each client has leads of its own: a move that came too late would be none
            return f'\\set n (random(0, {self.rig.leads // 2 // MOVERS - 1}) * {MOVERS} + :client_id + 1) * 2'
        return f'\\set n random(1, {self.rig.leads})'


def decide(facts):
    """What the daemon decides between its two asks, as little as can be."""
    return ("select f.version, f.state, f.evidence, length(f::text) as seen,\n"
            "  case when f.state = 'nurture' then 'call_back' else 'nurture' end as next,\n"
            "  case when f.state = 'nurture' then '" + json.dumps(FIELDS['call_back']).replace(': ', ':') + "'\n"
            "       else '" + json.dumps(FIELDS['nurture']).replace(': ', ':') + "' end as fields\n"
            f'  from ({facts}) f \\gset')
