"""Random processes and random walks: the daemon against a small model of what a process means."""
import itertools
import json
import os

from hypothesis import HealthCheck, given, settings, strategies as st

from helpers import label

NUMBERS = itertools.count(1)
FIELDS = ('industry', 'need', 'city')
VALUES = ('alpha', 'beta')
KINDS = ('call', 'meeting')

# processes


def leaf(keys):
    field = st.sampled_from(FIELDS)
    value = st.sampled_from(VALUES)
    kinds = st.one_of(
        st.builds(lambda f: ('field_present', {'field': f}), field),
        st.builds(lambda f, o, v: ('field_compare', {'field': f, 'op': o, 'value': v}), field, st.sampled_from(['eq', 'ne']), value),
        st.builds(lambda f, v: ('field_compare', {'field': f, 'op': 'in', 'value': v}), field, st.just(list(VALUES))),
        st.builds(lambda k, m, s: ('related_count', {'of': 'activity', 'kind': k, 'min': m, 'since_entry': s}),
                  st.sampled_from(KINDS), st.integers(1, 2), st.booleans()),
        st.builds(lambda k: ('related_count', {'of': 'activity', 'kind': k, 'max': 1}), st.sampled_from(KINDS)),
        st.builds(lambda m: ('open_tasks', {'max': m}), st.integers(0, 1)),
        st.just(('children_closed', {'of': 'task'})),
        st.builds(lambda m: ('related_exists', {'of': 'task', 'min': m}), st.integers(1, 2)),
        st.builds(lambda k, s: ('related_exists', {'of': 'activity', 'where': [{'field': 'kind', 'value': k}], 'since_entry': s}),
                  st.sampled_from(KINDS), st.booleans()),
        st.builds(lambda f: ('matches', {'field': f, 'pattern': '^al'}), field),
        st.builds(lambda f, n: ('field_changed', {'field': f, 'not': n}), field, st.booleans()),
        st.builds(lambda s, n: ('visited_state', {'state': s, 'not': n}), st.sampled_from(keys), st.booleans()))
    return kinds.map(lambda k: {'kind': k[0], 'params': k[1]})


def guards(keys):
    tree = st.recursive(leaf(keys), lambda inner: st.builds(lambda op, gs: {'op': op, 'guards': gs},
                                                            st.sampled_from(['all', 'any', 'none']),
                                                            st.lists(inner, min_size=1, max_size=3)), max_leaves=6)
    return st.lists(tree, max_size=3)


def named(trees, counter):
    for tree in trees:
        tree = {**tree, 'key': f'g{next(counter)}'}
        if 'guards' in tree:
            tree['guards'] = list(named(tree['guards'], counter))
        yield tree


@st.composite
def processes(draw):
    keys = [f's{i}' for i in range(draw(st.integers(2, 4)))]
    states = [{'key': k, 'label': label(k), 'category': draw(st.sampled_from(['open', 'won', 'lost', 'postponed']))} for k in keys]
    moves = [{'key': 'born', 'kind': 'initial', 'to': keys[0]}]
    for i in range(draw(st.integers(1, 5))):
        move = {'key': f't{i}', 'to': draw(st.sampled_from(keys)), 'guards': list(named(draw(guards(keys)), itertools.count()))}
        if draw(st.booleans()):
            move['from'] = sorted(draw(st.sets(st.sampled_from(keys), min_size=1)))
        else:
            move.update({'from': 'any', 'except': sorted(draw(st.sets(st.sampled_from(keys), max_size=len(keys) - 1)))})
        collected = sorted(draw(st.sets(st.sampled_from(FIELDS), max_size=2)))
        move['inputs'] = [{'key': f, 'kind': 'field', 'required': False, 'label': label(f), 'params': {'field': f}} for f in collected]
        moves.append(move)
    return {'states': states, 'transitions': [{'label': label(m['key']), **m} for m in moves]}


def step():
    value = st.sampled_from((None, *VALUES))
    return st.one_of(
        st.tuples(st.just('fill'), st.sampled_from(FIELDS), value),
        st.tuples(st.just('work'), st.sampled_from(KINDS)),
        st.tuples(st.just('task')), st.tuples(st.just('finish')),
        st.tuples(st.just('move'), st.integers(0, 5), st.dictionaries(st.sampled_from(FIELDS), value, max_size=2),
                  st.lists(st.sampled_from(KINDS), max_size=1)),
        st.tuples(st.just('move'), st.integers(0, 5), st.just({}), st.just([])))


# the model

class Model:
    def __init__(self, process):
        self.process = process
        self.state = process['states'][0]['key']
        self.fields = dict.fromkeys(FIELDS)
        self.work, self.open_tasks, self.tasks = [], 0, 0   # (kind, done in the present state)
        self.changed = set()                 # fields, in the present state
        self.visits = [self.state]
        self.counts = {'create': 1, 'transition': 0, 'denied': 0, 'update': 0}

    def leaves(self, move):
        if move.get('kind') == 'initial':
            return False
        return self.state not in move['except'] if move['from'] == 'any' else self.state in move['from']

    def passes(self, guard, fields, work):
        if 'op' in guard:
            passed = [self.passes(g, fields, work) for g in guard['guards']]
            return {'all': all(passed), 'any': any(passed), 'none': not any(passed)}[guard['op']]
        p, value = guard['params'], None
        if guard['kind'] in ('field_present', 'field_compare', 'matches'):
            value = fields[p['field']]
        if guard['kind'] == 'field_present':
            return value is not None
        if guard['kind'] == 'field_compare':
            return value is not None and {'eq': value == p['value'], 'ne': value != p['value'], 'in': value in p['value']}[p['op']]
        if guard['kind'] == 'related_count':
            n = sum(kind == p['kind'] and (fresh or not p.get('since_entry')) for kind, fresh in work)
            return n >= p.get('min', 0 if 'max' in p else 1) and n <= p.get('max', n)
        if guard['kind'] == 'related_exists' and p['of'] == 'task':
            return self.tasks >= p['min']
        if guard['kind'] == 'related_exists':
            return any(kind == p['where'][0]['value'] and (fresh or not p['since_entry']) for kind, fresh in work)
        if guard['kind'] in ('open_tasks', 'children_closed'):
            return self.open_tasks <= p.get('max', 0)
        if guard['kind'] == 'matches':
            return value is not None and value.startswith('al')
        if guard['kind'] == 'field_changed':
            return (p['field'] in self.changed or fields[p['field']] != self.fields[p['field']]) != p['not']
        return (p['state'] in self.visits) != p['not']

    def failures(self, trees, fields, work):
        """Every unsatisfied part: groups of any and none by their own name, those of all by their parts."""
        for guard in trees:
            if self.passes(guard, fields, work):
                continue
            if guard.get('op') == 'all':
                yield from self.failures(guard['guards'], fields, work)
            else:
                yield guard['key']

    def verdict(self, move, given=None, work=()):
        fields = {**self.fields, **(given or {})}
        return sorted(self.failures(move['guards'], fields, self.work + [(k, True) for k in work]))

    def enter(self, move, given, work):
        self.fields.update(given)
        self.work = [(k, False) for k, _ in self.work] + [(k, False) for k in work]
        self.changed = set()
        self.state = move['to']
        self.visits.append(self.state)
        self.counts['transition'] += 1


# the walk

class Walk:
    def __init__(self, client, model):
        self.client, self.model = client, model
        self.id = client.make('leads', last_name='Walker')['id']
        self.tasks = []

    def fill(self, field, value):
        self.client.patch(f'/v1/leads/{self.id}', json={field: value})
        self.model.counts['update'] += self.model.fields[field] != value
        if self.model.fields[field] != value:
            self.model.changed.add(field)
        self.model.fields[field] = value

    def work(self, kind):
        self.client.make('activities', lead_id=self.id, kind=kind, subject='Done')
        self.model.work.append((kind, True))

    def task(self):
        self.tasks.append(self.client.make('tasks', lead_id=self.id, subject='To do')['id'])
        self.model.open_tasks += 1
        self.model.tasks += 1

    def finish(self):
        if self.tasks:
            assert self.client.patch(f'/v1/tasks/{self.tasks.pop()}', json={'status': 'done'}).status_code == 200
            self.model.open_tasks -= 1

    def move(self, index, given, work):
        moves = self.model.process['transitions'][1:]
        move = moves[index % len(moves)]
        given = {f: v for f, v in given.items() if f in [i['key'] for i in move['inputs']]}
        answer = self.client.move('leads', self.id, move['key'], fields=given,
                                  activities=[{'kind': k, 'subject': 'Brought along'} for k in work])
        if not self.model.leaves(move):
            assert (answer.status_code, answer.json()['code']) == (409, 'no_such_transition'), answer.text
            self.model.counts['denied'] += 1
            return
        failures = self.model.verdict(move, given, work)
        if failures:
            assert answer.status_code == 422, (answer.text, failures)
            assert sorted(f['guard'] for f in answer.json()['failures']) == failures
            self.model.counts['denied'] += 1
            return
        assert answer.status_code == 200, answer.text
        self.model.enter(move, given, work)
        assert answer.json()['status'] == self.model.state

    def compare(self):
        listing = self.client.get(f'/v1/leads/{self.id}/transitions').json()
        assert listing['state']['key'] == self.model.state
        expected = {m['key']: not self.model.verdict(m) for m in self.model.process['transitions'] if self.model.leaves(m)}
        assert {i['key']: i['available'] for i in listing['items']} == expected


# the same walks every time, unless somebody asks for a number of new ones
@settings(max_examples=int(os.environ.get('SLUICE_WALKS', '100')), derandomize='SLUICE_WALKS' not in os.environ,
          deadline=None, database=None,
          suppress_health_check=list(HealthCheck))
@given(process=processes(), steps=st.lists(step(), min_size=4, max_size=12))
def test_the_daemon_does_what_the_model_does(process, steps, mkt, rows):
    key = f'walk_{next(NUMBERS)}'
    document = {'entity': 'lead', 'key': key, 'number': 1, 'label': label(key), **process}
    rows('select sluice.blueprint_import(%s::jsonb)', json.dumps(document))
    rows('update sluice.blueprint set priority = 1000 where key = %s', key)
    try:
        walk = Walk(mkt, Model(process))
        walk.compare()
        for name, *arguments in steps:
            getattr(walk, name)(*arguments)
            walk.compare()
        model = walk.model
        visits = rows('select v.state, v.left_at is null as present from sluice.visit v where v.record_id = %s order by v.id', walk.id)
        assert [v['state'] for v in visits] == model.visits
        assert [v['present'] for v in visits] == [False] * (len(visits) - 1) + [True]
        counts = rows('select a.action, count(*) as n from sluice.audit a where a.record_id = %s group by 1', walk.id)
        assert {c['action']: c['n'] for c in counts} == {k: n for k, n in model.counts.items() if n}
        read = mkt.read('leads', walk.id)
        assert {f: read[f] for f in FIELDS} == model.fields
    finally:
        rows('update sluice.blueprint set priority = -1000 where key = %s', key)
        rows("""update sluice.blueprint_version v set status = 'retired' from sluice.blueprint b
                 where b.id = v.blueprint_id and b.key = %s and v.status = 'published'""", key)
