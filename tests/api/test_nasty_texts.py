"""Texts that programs have stumbled over, through every free text of a lead and back: byte for byte, or refused with the place."""
import csv
import io

import pytest

from fill import leaves

# stored as they are, in every free text that takes several lines or one
KEPT = [
    # scripts and directions
    'Zażółć gęślą jaźń', 'ЯрОслав Иванович', '山田 太郎', 'محمد', 'עברית', 'ไทยไม่มีช่องว่าง', 'हिन्दी', '\u202eevil.txt\u202c', '\u200fabc', 'a\u2066b\u2069c',
    # invisible and combining
    'zero\u200bwidth', 'join\u200der', 'soft\u00adhyphen', 'no\u00a0break', 'e\u0301 and \u00e9', 'Z\u0351\u036b\u0343\u036a\u0302algo', '\ufeffmark', 'ﬁ ligature',
    'İstanbul ı', 'Straße ẞ', 'ﷺ', '\u2028line', '\ufffd',
    # emoji and beyond the first plane
    '😀', '👩‍👩‍👧‍👦', '🇵🇱', '👍🏽', '𝒳𝓎𝓏', '\U0010ffff', '1\ufe0f\u20e3',
    # quotes and escapes
    "O'Brien", '"quoted"', "''''", '\\', '\\\\', '\\n', '\\u0041', '\\0', '%00', '%', '_', '$1', '$$', '`id`', '${HOME}', '{{7*7}}', '&amp;', '&#0;', "N'x'",
    # other languages of programs
    "'; drop table lead; --", "1' or '1'='1", "') union select 1 --", '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '</textarea>', 'javascript:alert(1)',
    '../../../etc/passwd', 'file:///etc/passwd', '; rm -rf /', '| id', '\u0420\u0430\u0443Pal',
    # formulas of spreadsheets
    '=1+1', '+1', '-1', '@SUM(A1)', "=cmd|'/c calc'!A1", '=HYPERLINK("http://a")',
    # words that are something else elsewhere
    'null', 'NULL', 'undefined', 'NaN', 'true', '0', '1e5', '-0', '[]', '{}', 'None', 'nil', 'CON', 'Infinity', '2026-11-22', '1,000.00']
# refused, with the member and "format": what no text of a person has, and PostgreSQL or a terminal would trip over
REFUSED = ['\x01', 'a\x00b', 'a\x08b', '\x1b[31mred', 'a\x7fb', 'a\x0bb', 'a\x1fb', 'a\u0085b']


@pytest.fixture(scope='module')
def members(contract):
    """The free texts of a lead: name -> the longest."""
    found = {pointer[1:]: leaf['maxLength'] for pointer, leaf in leaves(contract, contract.schema('LeadCreate'))
             if pointer.count('/') == 1 and not {'format', 'enum', 'pattern'} & set(leaf)}
    return {name: length for name, length in found.items() if name not in ('tax_id', 'phone')}  # numbers, made one form


def test_the_fields_are_those_of_the_contract(members):
    assert {'first_name', 'last_name', 'company', 'job_title', 'industry', 'street', 'city', 'need', 'description', 'source',
            'campaign', 'external_id'} <= set(members)
    assert len(set(KEPT)) >= 60


def test_round_trip(rep, members, duplicates_allowed):
    """Create, read, list, search and change; in all fields at once, which must not mix them up."""
    wrong = []
    for i, text in enumerate(KEPT):
        given = {name: f'{text} {i}'[:length] if name == 'external_id' else text[:length] for name, length in members.items()}
        made = rep.make('leads', **given)
        read = rep.read('leads', made['id'])
        listed = rep.get('/v1/leads', params={'external_id': given['external_id']}).json()['items']
        patched = rep.patch(f'/v1/leads/{made["id"]}', json={k: v for k, v in given.items() if k not in ('source', 'campaign')})
        assert patched.status_code == 200 and patched.json()['version'] == made['version'], (text, patched.text)
        for name, value in given.items():
            for where, seen in (('made', made), ('read', read), ('listed', listed[0] if len(listed) == 1 else {}),
                                ('patched', patched.json())):
                if seen.get(name) != value:
                    wrong.append((where, name, value, seen.get(name)))
    assert wrong == []


def test_found_by_what_it_is(rep, number, duplicates_allowed):
    """A search takes a text as it is: no character of it means something else."""
    for i, text in enumerate(t for t in KEPT if len(t) > 2 and t.isprintable()):
        mark = f'Srch{number}x{i}x'
        made = rep.make('leads', last_name=f'{mark}{text}')
        found = rep.get('/v1/leads', params={'q': f'{mark}{text}'})
        assert [lead['id'] for lead in found.json()['items']] == [made['id']], text


def test_a_file_holds_no_formula(rep, duplicates_allowed):
    """An export keeps the text and stops it from being computed."""
    texts = [t for t in KEPT if t[0] in '=+-@']
    for text in texts:
        rep.make('leads', last_name='Formula', company=text, campaign='nasty_formulas')
    answer = rep.get('/v1/leads/export', params={'campaign': 'nasty_formulas', 'fields': 'company', 'format': 'csv'})
    assert answer.status_code == 200
    cells = [row[0] for row in csv.reader(io.StringIO(answer.content.decode('utf-8-sig')))][1:]
    assert sorted(cells) == sorted("'" + t for t in texts)


def test_refused_with_the_place(rep, members, rows):
    count = "select count(*) from sluice.lead"
    before = rows(count)
    for text in REFUSED:
        for name in members:
            answer = rep.post('/v1/leads', json={'last_name': 'X', name: text})
            body = answer.json()
            if '\0' in text:
                assert (answer.status_code, body['code']) == (400, 'malformed_json')
                continue
            assert answer.status_code == 422, (text, name)
            assert [(e['pointer'], e['code']) for e in body['errors']] == [(f'/{name}', 'format')]
    assert rows(count) == before
