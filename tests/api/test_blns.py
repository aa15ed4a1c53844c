"""The Big List of Naughty Strings in every text of every body that makes something: stored and told again as it was sent, or
refused with its place. Nothing fails inside, and PostgreSQL never has to parse it.

SLUICE_LONG=1 puts every string into every member; else every string stands somewhere in what each operation is sent."""
import itertools
import json
import os
from pathlib import Path
from urllib.parse import urlencode

import pytest

from contract import Contract
from fill import classes, leaves, set_at, surfaced
from test_examples import point

STRINGS = list(dict.fromkeys(json.loads((Path(__file__).parent / 'blns' / 'strings.json').read_text())))
LONG = os.environ.get('SLUICE_LONG') == '1'
ROUNDS = 50  # of an operation, at most, in the short run
# sessions want a password, and these can be made once only from what there is: who was merged is gone, a field is
# filled by one mapping, a person has a role in a company, a deputy, a draft
ONCE = {'session_create', 'session_refresh', 'lead_merge', 'account_merge', 'contact_merge', 'conversion_mapping_create',
        'account_contact_create', 'deputy_create', 'blueprint_draft'}
FEW = {'custom_field_create'}  # an entity has at most 200 of them
# what must be another each time: where, and how it looks
FRESH = {'segment_create': ('/key', 'k{}'), 'score_rule_create': ('/key', 'k{}'), 'assignment_rule_create': ('/key', 'k{}'),
         'calendar_create': ('/key', 'k{}'), 'custom_field_create': ('/key', 'k{}'), 'duplicate_rule_create': ('/key', 'k{}'),
         'intake_form_create': ('/form', 'k{}'), 'user_create': ('/email', 'k{}@blns.test'), 'team_create': ('/name', 'k{}')}
NUMBERS = itertools.count(1)
FORMED = {'format', 'enum', 'pattern', 'const'}
# these have a form, too, though it takes more than a pattern of the contract to say it
OTHER = {'tax_id', 'phone', 'email', 'kind', 'time_zone', 'from', 'to', 'pattern', 'fields', 'required'}


def creating(contract):
    return [op for op in contract.operations if op.method == 'post' and 201 in op.success() and op.name not in ONCE
            and 'application/json' in op.media()]


@pytest.fixture(scope='module')
def surface():
    with surfaced() as made:
        made.daemon.sql("update sluice.duplicate_rule set mode = 'flag'")  # what looks the same is only listed
        yield made


class Place:
    """One operation: its members that hold a text, and its body without them."""

    def __init__(self, surface, operation):
        self.surface, self.operation = surface, operation
        self.media, self.example = surface.body(operation)
        self.path, query = surface.path(operation)
        if operation.name == 'intake_submit':
            self.path, query = f'/v1/intake/{surface.daemon.intake["form"]}', {'key': surface.daemon.intake['key']}
        self.path += f'?{urlencode(query)}' if query else ''
        schema = operation.node['requestBody']['content']['application/json']['schema']
        self.fresh, self.form = FRESH.get(operation.name, (None, ''))
        self.members = {p: leaf for p, leaf in leaves(surface.client.contract, schema) if self.stands(p)}

    def stands(self, pointer):
        """Whether the example has the object that the member belongs to."""
        try:
            return isinstance(point(self.example, pointer.rpartition('/')[0]), (dict, list))
        except (KeyError, IndexError, TypeError):
            return False

    def is_free(self, pointer):
        name = [part for part in pointer.split('/') if part != '0'][-1]
        return not FORMED & set(self.members[pointer]) and name not in OTHER

    def send(self, texts):
        body = self.example
        if self.fresh and self.fresh not in texts:
            body = set_at(body, self.fresh, self.form.format(next(NUMBERS)))
        for pointer, text in texts.items():
            body = set_at(body, pointer, text)
        return self.surface.send(self.operation, self.path, self.media, body)

    @staticmethod
    def named(answer, texts):
        """Which of the members a refusal names, or something that they stand in: pointer -> code."""
        said = {e['pointer']: e['code'] for e in answer.json().get('errors', [])}
        return {p: code for at, code in said.items() for p in texts if p == at or p.startswith(at + '/')}

    def tried(self, texts):
        """Sends until nothing is refused; what was is left out. Returns (what was refused and why, the answer to the rest)."""
        refused, texts = {}, dict(texts)
        while True:
            answer = self.send(texts)
            if answer.status_code == 201 or answer.status_code >= 500:
                return refused, texts, answer
            named = self.named(answer, texts)
            if not named:
                return refused, texts, answer
            for pointer in named:
                refused[pointer] = (texts.pop(pointer), named[pointer])


def rounds(free, everywhere):
    """For each request a string for each member: over all of them each string stands somewhere, or everywhere."""
    count = len(STRINGS) if everywhere else min(-(-len(STRINGS) // len(free)), ROUNDS)
    for i in range(count):
        yield {p: STRINGS[(i + j * 37 if everywhere else i * len(free) + j) % len(STRINGS)] for j, p in enumerate(free)}


def is_no_text(leaf, text):
    """Whether a free text may be refused: for its length, or for characters that no text has."""
    return (not text.strip() or not leaf.get('minLength', 0) <= len(text) <= leaf.get('maxLength', 10 ** 6)
            or any(ord(c) < 32 and c not in '\t\n\r' or 127 <= ord(c) < 160 for c in text))


def told(body, texts):
    """(pointer, what was sent, what was answered) of what is told again."""
    for pointer, text in texts.items():
        try:
            yield pointer, text, point(body, pointer)
        except (KeyError, IndexError, TypeError):
            continue


def test_the_list_is_the_list():
    assert len(STRINGS) > 470 and sum(map(len, STRINGS)) > 17000
    assert {'', 'NULL', '\u3000', '1;DROP TABLE users', 'Ω≈ç√∫˜µ≤≥÷', '田中さんにあげて下さい'} <= set(STRINGS)


def test_strings_come_back_as_they_went(surface):
    wrong, kept, refused, made = [], 0, 0, set()
    for operation in creating(surface.client.contract):
        place = Place(surface, operation)
        free = [p for p in place.members if place.is_free(p)]
        for given in rounds(free, LONG and operation.name not in FEW) if free else ():
            no, texts, answer = place.tried(given)
            if answer.status_code != 201:
                wrong.append((operation.name, texts, answer.status_code, answer.text[:300]))
                continue
            made.add(operation.name)
            refused += len(no)
            wrong += [(operation.name, p, text, code) for p, (text, code) in no.items()
                      if code != 'unique' and not is_no_text(place.members[p], text)]
            same = list(told(answer.json(), texts))
            kept += len(same)
            wrong += [(operation.name, *one) for one in same if one[1] != one[2]]
    print(f'{len(made)} operations kept {kept} texts and refused {refused}')
    assert wrong == [], wrong[:5]
    assert len(made) > 20 and kept > 4000
    assert surface.violations == [] and classes(surface.daemon) == []


def test_strings_where_no_text_belongs(surface):
    """In a key, a date, an id: refused with the place, or taken when it happens to be one."""
    wrong, n = [], 0
    for operation in creating(surface.client.contract):
        place = Place(surface, operation)
        # a state of another name is one that the transitions do not find
        for at, pointer in enumerate(p for p in place.members if not place.is_free(p) and p != '/states/0/key'):
            for text in STRINGS if LONG else (STRINGS[(at * 53 + n) % len(STRINGS)], STRINGS[(at * 101 + n + 7) % len(STRINGS)]):
                answer = place.send({pointer: text})
                n += 1
                if answer.status_code != 201 and not (answer.status_code < 500 and place.named(answer, [pointer])):
                    wrong.append((operation.name, pointer, text, answer.status_code, answer.text[:300]))
    assert wrong == [] and n > 200, wrong[:5]
    assert surface.violations == [] and classes(surface.daemon) == []
