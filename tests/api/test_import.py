"""Spreadsheets: upload, mapping, dry run, run, a result for every row, taking back, crashes."""
import re
import subprocess
import uuid

import pytest

from conftest import PASSWORD
from contract import ROOT
from daemon import Client, Daemon, wait_for
from helpers import UNKNOWN, born, killed_at, problem, process_of, publish, retire


@pytest.fixture
def mark(number):
    """Something that no other test has."""
    return f'{number}{uuid.uuid4().hex[:8]}'


class Import:
    """An import and what a test does with it."""

    def __init__(self, client, data=None, entity='lead', part=1 << 20, **options):
        self.client = client
        name = options.pop('name', None)
        self.id = client.make('imports', entity=entity, name=name, file_name='test.csv', options=options)['id']
        if data is not None:
            self.send(data, part)

    def url(self, what=''):
        return f'/v1/imports/{self.id}{what}'

    def part(self, n, data):
        return self.client.call('PUT', self.url(f'/parts/{n}'), data=data, headers={'Content-Type': 'application/octet-stream'})

    def send(self, data, part=1 << 20):
        data = data.encode() if isinstance(data, str) else data
        for n, at in enumerate(range(0, len(data), part), 1):
            answer = self.part(n, data[at:at + part])
            assert answer.status_code == 200, answer.text

    def propose(self):
        answer = self.client.post(self.url('/mapping'))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def map(self, *fields):
        self.propose()
        answer = self.client.call('PUT', self.url('/mapping'), json={
            'columns': [{'position': n, 'field': field} for n, field in enumerate(fields, 1)]})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def read(self):
        return self.client.read('imports', self.id)

    def do(self, what, **body):
        answer = self.client.post(self.url(f'/{what}'), json=body or None)
        assert answer.status_code == 202, answer.text
        return finished(self.client, answer.json())

    def counts(self):
        found = self.read()
        return tuple(found[k] for k in ('rows_read', 'created', 'duplicate', 'duplicate_in_file', 'invalid'))

    def rows(self, **params):
        found, cursor = [], None
        while True:
            page = self.client.get(self.url('/rows'), params={
                'limit': 200, 'sort': 'line', **params, **({'cursor': cursor} if cursor else {})}).json()
            found += page['items']
            cursor = page['next_cursor']
            if cursor is None:
                return found


def finished(client, job, limit_s=60):
    def over():
        found = client.get(f'/v1/jobs/{job["id"]}').json()
        return found if found['status'] in ('done', 'failed') else None
    return wait_for(over, limit_s, 'the job')


def test_duplicates_are_told_apart(manager, mark):
    """Scenario 13: a duplicate of what is there, a duplicate of its own row 1, and a new one."""
    there = manager.make('accounts', name=f'Known {mark}', tax_id=f'PL {int(mark[-6:], 16):010}')
    digits = f'{int(mark[-6:], 16):010}'
    done = Import(manager, f'Firma,NIP\nSame,{digits}\nSame again,{digits[:3]}-{digits[3:]}\nNew {mark},9{digits}\n', 'account')
    assert [c['field'] for c in done.propose()['columns']] == ['name', 'tax_id']
    assert done.do('run')['result'] == {'rows_read': 3, 'created': 1, 'duplicate': 1, 'duplicate_in_file': 1, 'invalid': 0}
    rows = done.rows()
    assert [(r['line'], r['outcome'], r['other_line']) for r in rows] == [
        (2, 'duplicate', None), (3, 'duplicate_in_file', 2), (4, 'created', None)]
    assert rows[0]['record_id'] == there['id']
    made = manager.read('accounts', rows[2]['record_id'])
    assert (made['name'], made['verification'], made['version'], made['owner_id']) == (
        f'New {mark}', 'to_verify', 1, manager.user['id'])
    found = manager.get('/v1/accounts', params={'q': mark, 'count': 'exact'}).json()
    assert found['count'] == 2


def cold_leads(mark):
    """1,000 rows: 30 broken, 12 that are there already, 8 twice in the file."""
    rows = []
    for n in range(1000):
        email = f'lead{n}-{mark}@cold.example'
        if n % 33 == 5 and n < 33 * 30:
            email = f'lead{n} at cold'
        elif 900 <= n < 912:
            email = f'KNOWN{n}-{mark}@cold.example'
        elif 950 <= n < 958 and n % 33 != 5:
            email = f'lead{n - 950 + 6}-{mark}@cold.example'
        rows.append(f'Jan;"Zimny; ""{n}""";{email};Firma {n}')
    return 'Imię;Nazwisko;E-mail;Firma\n' + '\n'.join(rows) + '\n'


def test_a_spreadsheet_of_cold_leads(mkt, rep, mark, rows):
    """Scenario 49."""
    for n in range(900, 912):
        rep.make('leads', last_name='Known', email=f'known{n}-{mark}@cold.example')
    text = cold_leads(mark)
    one = Import(mkt, text, part=7000, source='cold', campaign=mark)
    one.propose()
    one.do('dry-run')
    expected = one.counts()
    assert one.read()['status'] == 'checked' and rows('select from sluice.lead where campaign = %s', mark) == []
    broken = len([n for n in range(1000) if n % 33 == 5 and n < 990])
    assert broken == 30
    twice = len([n for n in range(950, 958) if n % 33 != 5])
    assert (expected, twice) == ((1000, 950, 12, 8, 30), 8)
    job = one.do('run')
    assert (job['result'], one.counts()) == (
        {'rows_read': 1000, 'created': 950, 'duplicate': 12, 'duplicate_in_file': 8, 'invalid': 30}, expected)
    everything = one.rows()
    assert [r['line'] for r in everything] == list(range(2, 1002))
    bad = one.rows(outcome='invalid')
    assert len(bad) == 30
    assert bad[0] == {
        'line': 7, 'outcome': 'invalid', 'record_id': None, 'other_line': None,
        'cells': {'Imię': 'Jan', 'Nazwisko': 'Zimny; "5"', 'E-mail': 'lead5 at cold', 'Firma': 'Firma 5'},
        'errors': [{'column': 'E-mail', 'pointer': '/email', 'code': 'format', 'got': 'lead5 at cold',
                    'detail': same_sentence(rep, email='lead5 at cold')}]}
    made = mkt.read('leads', everything[0]['record_id'])
    assert {k: made[k] for k in ('first_name', 'last_name', 'email', 'company', 'source', 'campaign', 'status')} == {
        'first_name': 'Jan', 'last_name': 'Zimny; "0"', 'email': f'lead0-{mark}@cold.example', 'company': 'Firma 0',
        'source': 'cold', 'campaign': mark, 'status': 'open'}
    birth = mkt.history('leads', made['id'])
    assert [(e['action'], e['actor'], e['to_state'], e['detail']) for e in birth] == [
        ('create', {'kind': 'import', 'id': mkt.user['id'], 'name': mkt.user['name']}, 'open', {'import': one.id})]
    assert birth[0]['changes']['email'] == {'old': None, 'new': f'lead0-{mark}@cold.example'}
    told = rows("""select count(*) as n, count(distinct o.record_id) as records from sluice.outbox o
                    join sluice.lead l on l.id = o.record_id where l.campaign = %s and o.type = 'lead.created'""", mark)[0]
    assert (told['n'], told['records']) == (950, 950)
    assert mkt.get('/v1/leads', params={'campaign': mark, 'status': 'open', 'count': 'exact'}).json()['count'] == 950
    assert mkt.get('/v1/leads', params={'q': f'lead17-{mark}', 'count': 'exact'}).json()['count'] == 1

    # the same file again makes nothing
    again = Import(mkt, text, part=7000)
    again.propose()
    refused = problem(mkt.post(again.url('/run')), 409, 'file_imported')
    assert refused['import_id'] == one.id
    assert again.do('run', again=True)['result'] == {
        'rows_read': 1000, 'created': 0, 'duplicate': 962, 'duplicate_in_file': 8, 'invalid': 30}

    # what somebody has touched stays
    touched = [r['record_id'] for r in everything if r['outcome'] == 'created'][:3]
    assert rep.patch(f'/v1/leads/{touched[0]}', json={'phone': '600'}).status_code == 200
    rep.make('activities', kind='note', lead_id=touched[1], body='They called')
    assert rep.delete(f'/v1/leads/{touched[2]}').status_code in (204, 403)
    assert one.do('revert')['result'] == {'removed': 948, 'kept': 2}
    assert [r['record_id'] for r in one.rows(outcome='kept')] == touched[:2]
    assert len(one.rows(outcome='removed')) == 948
    left = mkt.get('/v1/leads', params={'campaign': mark, 'limit': 200}).json()['items']
    assert sorted(l['id'] for l in left) == sorted(touched[:2])
    found = one.read()
    assert (found['status'], found['removed'], found['kept']) == ('reverted', 948, 2)
    assert one.do('revert')['result'] == {'removed': 948, 'kept': 2}


def same_sentence(client, **members):
    """What the API says of the same value."""
    errors = problem(client.post('/v1/leads', json=members), 422, 'validation_failed')['errors']
    assert len(errors) == 1
    return errors[0]['detail']


@pytest.mark.parametrize('encoding, city', [
    ('utf-8', 'Łódź'), ('utf-8-sig', 'Łódź'), ('cp1250', 'Łódź'), ('cp1251', 'Нижний Новгород')])
def test_encodings(mkt, mark, encoding, city):
    text = f'Miasto\tNazwisko\tE-mail\r\n{city}\tŻółć{mark}\tx@{mark}.example\r\n' if encoding != 'cp1251' else (
        f'Город\tФамилия\tЭл. почта\r\n{city}\tСоловьёв{mark}\tx@{mark}.example\r\n')
    done = Import(mkt, text.encode(encoding), campaign=mark)
    found = done.propose()
    wanted = {'cp1250': 'windows-1250', 'cp1251': 'windows-1251'}.get(encoding, 'utf-8')
    assert (found['encoding'], found['delimiter'], [c['field'] for c in found['columns']]) == (
        wanted, '\t', ['city', 'last_name', 'email'])
    done.do('run')
    lead = mkt.get('/v1/leads', params={'campaign': mark}).json()['items'][0]
    assert lead['city'] == city and lead['last_name'].startswith(('Żółć', 'Соловьёв'))


def test_said_encoding_and_delimiter(mkt, mark):
    done = Import(mkt, f'sep;x,Name\n1,Wąs {mark}\n'.encode('cp1250'), encoding='windows-1250', delimiter=',', campaign=mark)
    assert [c['header'] for c in done.map(None, 'last_name')['columns']] == ['sep;x', 'Name']
    done.do('run')
    assert mkt.get('/v1/leads', params={'campaign': mark}).json()['items'][0]['last_name'] == f'Wąs {mark}'


def test_values_as_people_write_them(mkt, mark):
    text = ('Nachname|Wert|Währung|Budget|Land|Webseite|Tags|Notiz\n'
            f'Müller {mark}|1.234,50|€|ja|Deutschland|nord.example|"warm, groß"|"erste Zeile\r\nzweite ""Zeile"""\n'
            'Schmidt|12 000|zł|nein|pl|https://a.example||\n'
            'Zu teuer|1,2,3|EUR|vielleicht|Atlantis|||\n')
    done = Import(mkt, text, campaign=mark)
    done.propose()
    done.do('run')
    assert done.counts() == (3, 2, 0, 0, 1)
    rows = done.rows()
    assert [r['line'] for r in rows] == [2, 4, 5]
    one, two = (mkt.read('leads', r['record_id']) for r in rows[:2])
    assert {k: one[k] for k in ('estimated_value', 'budget_confirmed', 'country', 'website', 'tags', 'description')} == {
        'estimated_value': {'amount': '1234.50', 'currency': 'EUR'}, 'budget_confirmed': True, 'country': 'DE',
        'website': 'https://nord.example', 'tags': ['warm', 'groß'], 'description': 'erste Zeile\nzweite "Zeile"'}
    assert (two['estimated_value'], two['budget_confirmed'], two['country']) == (
        {'amount': '12000', 'currency': 'PLN'}, False, 'PL')
    assert [(e['column'], e['code']) for e in rows[2]['errors']] == [('Land', 'format'), ('Budget', 'type'), ('Wert', 'format')]
    assert rows[2]['errors'][0]['detail'] == 'Send an ISO 3166-1 code of two capital letters like "PL".'


def test_governed_fields_are_refused(mkt, rep, rows, mark):
    """Scenario 26, for imports: the same refusal as a PATCH, and nothing changed."""
    done = Import(mkt, f'Nazwisko,Status,Etap\nA{mark},converted,won\n')
    assert [c['field'] for c in done.propose()['columns']] == ['last_name', None, None]
    lead = rep.make('leads', last_name='Governed')
    patch = problem(rep.patch(f'/v1/leads/{lead["id"]}', json={'status': 'converted'}), 422, 'governed_field')
    answer = problem(mkt.call('PUT', done.url('/mapping'), json={
        'columns': [{'position': 1, 'field': 'last_name'}, {'position': 2, 'field': 'status'}]}), 422, 'governed_field')
    assert (answer['code'], answer['status']) == (patch['code'], patch['status'])
    assert [(e['pointer'], e['code']) for e in answer['errors']] == [('/columns/1/field', 'governed_field')]
    assert [c['field'] for c in done.read()['columns']] == ['last_name', None, None]
    # whoever writes it past the daemon gets no further
    rows("""update sluice.import set columns = jsonb_set(columns, '{1,field}', '"status"') where id = %s""", done.id)
    job = done.do('run')
    assert (job['status'], job['error']) == ('failed', 'a column is imported into a field that is not there any more')
    assert rows('select from sluice.lead where last_name = %s', f'A{mark}') == []


@pytest.mark.parametrize('columns, pointer, code', [
    ([{'position': 9, 'field': 'email'}], '/columns/0/position', 'unknown'),
    ([{'position': 1, 'field': 'colour'}], '/columns/0/field', 'unknown'),
    ([{'position': 1, 'field': 'id'}], '/columns/0/field', 'read_only'),
    ([{'position': 1, 'field': 'email'}, {'position': 2, 'field': 'email'}], '/columns/1/field', 'repeated'),
    ([{'position': 1, 'field': 'estimated_value'}], '/columns/0/field', 'unknown')])
def test_mappings_that_cannot_be(mkt, columns, pointer, code):
    done = Import(mkt, 'a,b\n1,2\n')
    done.propose()
    body = problem(mkt.call('PUT', done.url('/mapping'), json={'columns': columns}), 422, 'validation_failed')
    assert [(e['pointer'], e['code']) for e in body['errors']] == [(pointer, code)]


@pytest.mark.parametrize('data, sentence', [
    (b'\x00\x01\x02binary\x00', 'The file is binary, not text.'),
    (b'\xff\xfea\x00', 'The file is UTF-16; save it as UTF-8.'),
    (b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'This is an Excel 97 file (.xls); save it as .xlsx or .csv.'),
    (b'\n\n  \n', 'The file has no rows.'),
    (b'Name,E-mail\n', 'The file has a header and no rows.'),
    (','.join(f'c{n}' for n in range(10000)).encode() + b'\n', 'There are more than 256 columns.'),
    (b'"never closed\n' * 3, 'There is text behind a closing quote.'),
    (b'a,"' + b'x' * 300000, 'A row is longer than 262,144 bytes; is a closing quote missing?')])
def test_bad_files(mkt, data, sentence):
    done = Import(mkt, data)
    assert problem(mkt.post(done.url('/mapping')), 422, 'unreadable_file')['detail'] == sentence
    assert done.read()['status'] == 'uploading'


def test_an_empty_file(mkt):
    done = Import(mkt)
    assert problem(mkt.post(done.url('/mapping')), 409, 'conflict')['detail'] == 'Part 1 of the file has not arrived.'
    assert done.part(1, b'').status_code == 200
    assert problem(mkt.post(done.url('/mapping')), 422, 'unreadable_file')['detail'] == 'The file is empty.'


def test_parts(mkt, mark):
    done = Import(mkt)
    assert done.part(3, f'z-{mark}\n'.encode()).json()['n'] == 3
    assert done.part(1, b'Nazwi').json()['bytes'] == 5
    assert problem(mkt.post(done.url('/mapping')), 409, 'conflict')['detail'] == 'Part 2 of the file has not arrived.'
    assert done.part(2, b'wrong').status_code == 200
    assert done.part(2, 'sko\nŻ'.encode()[:5]).status_code == 200  # within a character
    assert done.part(3, 'Ż'.encode()[1:] + f'z-{mark}\n'.encode()).status_code == 200
    assert done.propose()['columns'][0]['samples'] == [f'Żz-{mark}']
    problem(done.part(1001, b'x'), 404, 'not_found')
    problem(done.part(0, b'x'), 404, 'not_found')
    problem(done.part(4, b'x' * (4 << 20) + b'x'), 413, 'body_too_large')
    assert done.do('run')['result']['created'] == 1
    assert problem(done.part(1, b'x'), 409, 'conflict')['detail'] == 'The import has run; make another one.'


def test_a_row_that_breaks_off(mkt, mark):
    """What could be read is in; the job says where it could not go on."""
    done = Import(mkt, f'Nazwisko,Opis\nA{mark},x\nB{mark},"never closed\n', campaign=mark)
    done.propose()
    job = done.do('run')
    assert (job['status'], job['error']) == ('failed', 'line 3: A cell begins with a quote that never closes.')
    assert (done.read()['status'], done.read()['error']) == ('failed', job['error'])
    assert [r['outcome'] for r in done.rows()] == ['created']
    assert done.do('revert')['result'] == {'removed': 1, 'kept': 0}


def test_rows_of_odd_lengths(mkt, mark):
    done = Import(mkt, f'Nazwisko,E-mail\nA{mark}\nB{mark},b@{mark}.example,more\n,\n"C" {mark},c@{mark}.example\n', campaign=mark)
    done.propose()
    done.do('run')
    assert [(r['line'], r['outcome'], [e['detail'] for e in r['errors'] or []]) for r in done.rows()] == [
        (2, 'created', []), (3, 'invalid', ['The row has more cells than there are columns.']),
        (5, 'invalid', ['There is text behind a closing quote.'])]


def test_rows_without_a_key_are_known_again(mkt, mark):
    text = f'Nazwisko\nA{mark}\nB{mark}\nA{mark}\n'
    first = Import(mkt, text, campaign=mark)
    first.propose()
    assert first.do('run')['result']['created'] == 2
    second = Import(mkt, text.replace('Nazwisko', 'nazwisko') + f'C{mark}\n', campaign=mark)
    second.propose()
    second.do('run')
    assert second.counts() == (4, 1, 2, 1, 0)


def test_the_list_of_rows(mkt, mark):
    """Both orders, pages, counts, chosen members, several outcomes."""
    done = Import(mkt, f'Nazwisko,E-mail\nA{mark},\nB{mark},wrong\nA{mark},\nC{mark},\n')
    done.propose()
    done.do('run')

    def lines(**params):
        answer = mkt.get(done.url('/rows'), params=params)
        assert answer.status_code == 200, answer.text
        return [r['line'] for r in answer.json()['items']]

    assert (lines(), lines(sort='line'), lines(sort='-line')) == ([5, 4, 3, 2], [2, 3, 4, 5], [5, 4, 3, 2])
    assert lines(outcome=['invalid', 'duplicate_in_file'], sort='line') == [3, 4]
    page = mkt.get(done.url('/rows'), params={'limit': 1, 'sort': 'line', 'count': 'exact', 'fields': 'line,outcome'}).json()
    assert (page['count'], page['items']) == (4, [{'line': 2, 'outcome': 'created'}])
    assert lines(limit=3, sort='line', cursor=page['next_cursor']) == [3, 4, 5]
    assert mkt.get('/v1/imports', params={'entity': 'lead', 'status': 'done', 'limit': 1, 'count': 'exact'}).json()['count'] >= 1


def test_references(manager, mark):
    account = manager.make('accounts', name=f'Org {mark}')
    done = Import(manager, f'Nazwisko,account id,owner\nA{mark},{account["id"]},{manager.user["id"]}\n'
                  f'B{mark},{UNKNOWN},\nC{mark},,{UNKNOWN}\nD{mark},x,\n', 'contact')
    done.propose()
    done.do('run')
    found = done.rows()
    assert [(r['outcome'], [(e.get('pointer'), e['code']) for e in r['errors'] or []]) for r in found] == [
        ('created', []), ('invalid', [('/account_id', 'unknown_reference')]), ('invalid', [('/owner_id', 'unknown_reference')]),
        ('invalid', [('/account_id', 'format')])]
    assert manager.read('contacts', found[0]['record_id'])['account_id'] == account['id']


def test_who_may(viewer, rep, mkt, manager, new_user, rows):
    problem(viewer.post('/v1/imports', json={'entity': 'lead'}), 403, 'forbidden')
    problem(rep.post('/v1/imports', json={'entity': 'lead'}), 403, 'forbidden')
    refused = problem(mkt.post('/v1/imports', json={'entity': 'account'}), 403, 'forbidden')
    assert 'account.write' in refused['detail']
    done = Import(manager, 'Nazwa\nX\n', 'account')
    problem(mkt.call('PUT', done.url('/parts/1'), data=b'x', headers={'Content-Type': 'application/octet-stream'}), 403, 'forbidden')
    problem(mkt.get(f'/v1/imports/{UNKNOWN}'), 404, 'not_found')
    rows("""insert into sluice.role (key, label, position) values ('own_imports', '{"en": "Own"}', 92) on conflict do nothing""")
    rows("""insert into sluice.role_permission (role, permission, scope) values ('own_imports', 'import.run', 'own'),
            ('own_imports', 'lead.write', 'all') on conflict do nothing""")
    narrow = new_user('own_imports')
    problem(narrow.get(done.url()), 404, 'not_found')
    mine = Import(narrow, 'Nazwisko\nX\n')
    assert [i['id'] for i in narrow.get('/v1/imports').json()['items']] == [mine.id]
    assert {mine.id, done.id} <= {i['id'] for i in manager.get('/v1/imports', params={'status': 'uploading'}).json()['items']}


def test_whoever_left_does_not_go_on(new_user, manager, rows, mark):
    leaver = new_user('marketing')
    done = Import(leaver, f'Nazwisko\nA{mark}\n')
    done.propose()
    rows("update sluice.app_user set disabled = true where id = %s", leaver.user['id'])
    job = str(uuid.uuid4())
    rows(f"""do $$ begin
                 perform set_config('sluice.actor_kind', 'user', true), set_config('sluice.actor_id', '{leaver.user['id']}', true);
                 perform sluice.import_start('{job}', '{done.id}', false, false);
             end $$""")
    assert finished(manager, {'id': job})['error'] == 'who asked for it may not sign in any more'
    assert rows('select from sluice.lead where last_name = %s', f'A{mark}') == []


def test_one_at_a_time(mkt, mark, rows):
    done = Import(mkt, f'Nazwisko\nA{mark}\n')
    problem(mkt.post(done.url('/run')), 409, 'conflict')
    done.map(None)
    assert problem(mkt.post(done.url('/run')), 409, 'conflict')['detail'] == 'No column is imported: PUT the mapping.'
    done.map('last_name')
    rows("update sluice.import set status = 'checking' where id = %s", done.id)
    for what in ('run', 'dry-run', 'mapping', 'revert'):
        problem(mkt.post(done.url(f'/{what}')), 409, 'conflict')
    rows("update sluice.import set status = 'mapped' where id = %s", done.id)
    assert done.do('run')['result']['created'] == 1
    problem(mkt.post(done.url('/dry-run')), 409, 'conflict')


def test_a_daemon_that_dies_leaves_the_rest_to_another(contract, mark):
    """Killed in the middle, twice: every row has one result, and every record is made once."""
    first = Daemon(job_interval_ms=0)  # the others work
    try:
        first.start()
        import psycopg2  # pylint: disable=import-outside-toplevel
        folder = first.socket_folder
        admin = Client(first, contract)
        admin.token = admin.post('/v1/session', json={'email': first.admin['email'],
                                                      'password': first.admin['password']}).json()['access_token']
        admin.make('users', email='rep@import.test', name='rep', password=PASSWORD, roles=['sales'])
        db = psycopg2.connect(host=str(folder), dbname='sluice', user='postgres')
        db.autocommit = True

        def one(sql):
            with db.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchone()[0] if cursor.description else None

        text, wanted = generated(60000, mark)
        job = Import(admin, text, part=3 << 20, campaign=mark)
        job.propose()
        second = Daemon(job_interval_ms=20, database_url=f'host={folder} dbname=sluice user=sluice_app')
        second.start()
        left = admin.post(job.url('/run')).json()
        second = killed_at(second, one, left, (4000, 16000), most=50000, total=60000)
        assert finished(admin, left, 120)['result'] == wanted
        assert one('select count(*) from sluice.lead') == wanted['created']
        assert one("select count(*) from sluice.audit where action = 'create' and entity = 'lead'") == wanted['created']
        assert one('select count(*) from sluice.visit') == wanted['created']
        assert one(f"select count(*) from sluice.import_row where pass_id = '{left['id']}'") == 60000
        assert one('select count(*) from sluice.import_key') == 0
        second.destroy()
        db.close()
    finally:
        first.destroy()


def generated(n, mark):
    """A file with 3 % broken and 2 % duplicate rows, and what must come of it."""
    lines, broken, twice = ['first_name,last_name,email,company,phone,city,notes'], 0, 0
    for i in range(n):
        email = f'gen{i}-{mark}@big.example'
        if i % 100 in (3, 36, 69):
            broken += 1
            email = f'gen{i}'
        elif i % 100 in (50, 99):
            twice += 1
            email = f'gen{i - 10}-{mark}@big.example'
        lines.append(f'Jan{i},"Nowak, {i}",{email},Firma {i},+48 600 {i:06},Poznań,"first\nsecond"')
    return '\n'.join(lines), {'rows_read': n, 'created': n - broken - twice, 'duplicate': 0, 'duplicate_in_file': twice,
                              'invalid': broken}


def test_names_are_compared_after_the_run(manager, mark):
    """A job of its own, with its progress on the import: what is alike is listed, within the file and with what was there."""
    there = manager.make('accounts', name=f'Zaklady Przetworcze {mark}', city='Opole', postcode='45-001', street='Polna 1')
    done = Import(manager, 'Firma,Miasto,Kod pocztowy,Ulica\n'
                  f'Zaklady Przetwrcze {mark},Opole,45-001,Polna 1\n'
                  f'Browar {mark[::-1]} Lubuski,Gubin,66-620,Lipowa 5\n'
                  f'Browar {mark[::-1]} Lubusk,Gubin,66-620,Lipowa 5\n', 'account')
    done.propose()
    assert (done.read()['compare_job_id'], done.read()['compared'], done.read()['suspected']) == (None, 0, 0)
    done.do('dry-run')
    assert done.read()['compare_job_id'] is None
    assert done.do('run')['result']['created'] == 3
    job = finished(manager, {'id': done.read()['compare_job_id']})
    assert (job['kind'], job['status'], job['total'], job['done'], job['result']) == (
        'import_compare', 'done', 3, 3, {'compared': 3, 'suspected': 2})
    assert (done.read()['status'], done.read()['compared'], done.read()['suspected']) == ('done', 3, 2)
    made = [r['record_id'] for r in done.rows()]
    pairs = manager.get('/v1/duplicates', params={'limit': 200, 'sort': '-created_at'}).json()['items']
    assert {(p['record']['id'], p['other']['id'], p['rule']) for p in pairs if p['record'].get('id') in made} == {
        (made[0], there['id'], 'name'), (made[2], made[1], 'name')}


def test_a_slice_that_does_not_end_is_halved(new_daemon, contract, mark):
    """PostgreSQL cancels what inserts more than 300 leads at once; and then whatever is tried for the 21st time."""
    import psycopg2  # pylint: disable=import-outside-toplevel
    daemon = new_daemon(workers=1, job_interval_ms=1)
    admin = Client(daemon, contract)
    admin.token = admin.post('/v1/session', json={'email': daemon.admin['email'],
                                                  'password': daemon.admin['password']}).json()['access_token']
    db = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres')
    db.autocommit = True
    with db.cursor() as cursor:
        cursor.execute("""create function public.slow() returns trigger language plpgsql as $$ begin
                              if (select count(*) from n) > 300 then raise exception using errcode = '57014'; end if;
                              return null; end $$;
                          create trigger slow after insert on sluice.lead referencing new table as n
                              for each statement execute function public.slow()""")
        job = Import(admin, 'Nazwisko\n' + ''.join(f'A{n}{mark}\n' for n in range(700)))
        job.propose()
        assert job.do('run')['result'] == {'rows_read': 700, 'created': 700, 'duplicate': 0, 'duplicate_in_file': 0, 'invalid': 0}
        cursor.execute("""create function public.tried() returns trigger language plpgsql as $$ begin
                              new.attempts := 20; new.tried := '{}'; return new; end $$;
                          create trigger tried before insert on sluice.job for each row execute function public.tried()""")
        job = Import(admin, f'Nazwisko\nB{mark}\n')
        job.propose()
        failed = job.do('run')
    db.close()
    assert failed['status'] == 'failed'
    assert failed['error'] == 'line 2: the row was tried 20 times, and was not written within the time for a write (write_timeout_ms)'
    assert (job.read()['status'], job.read()['error']) == ('failed', failed['error'])


def test_the_walk(new_daemon, contract):
    """Every line of api-spec/importing.md does what it says, in one shell."""
    daemon = new_daemon(workers=1, job_interval_ms=20)
    admin = Client(daemon, contract)
    token = admin.post('/v1/session', json={'email': daemon.admin['email'], 'password': daemon.admin['password']}).json()['access_token']
    page = (ROOT / 'api-spec/importing.md').read_text(encoding='utf-8')
    blocks = re.findall(r'^```bash\n(.*?)^```\n(?:\n```text\n(.*?)^```)?', page, re.S | re.M)
    assert len(blocks) == 6
    script = 'set -euo pipefail\n' + ''.join(f'echo "--- block"\n{code}\n' for code, _ in blocks)
    run = subprocess.run(['bash', '-c', script], cwd=daemon.folder, capture_output=True, text=True, timeout=120, check=False,
                         env={'SLUICE': daemon.url, 'TOKEN': token, 'PATH': '/usr/bin:/bin'})
    assert run.returncode == 0, run.stderr + run.stdout
    printed = run.stdout.split('--- block\n')[1:]
    assert [got for got, (_, wanted) in zip(printed, blocks) if wanted] == [wanted for _, wanted in blocks if wanted]


def test_births_are_decided_like_any_other(mkt, rows, number, mark):
    """Criteria choose the process of each row, and guards of its beginning keep rows out."""
    large = f'import_large_{number}'
    city = {'kind': 'field_compare', 'params': {'field': 'city', 'value': f'Nowhere {mark}'}}
    publish(rows, 'lead', large, 300, [{'key': 'there', **city}],
            born([{'key': 'reachable', 'kind': 'field_present', 'params': {'field': 'phone'}}]))
    try:
        done = Import(mkt, f'Nazwisko,Miasto,Telefon\nA{mark},Nowhere {mark},600100200\nB{mark},Nowhere {mark},\nC{mark},Poznań,\n',
                      campaign=mark)
        done.propose()
        done.do('dry-run')
        assert done.counts() == (3, 2, 0, 0, 1)
        done.do('run')
    finally:
        retire(rows, large)
    found = done.rows()
    assert [r['outcome'] for r in found] == ['created', 'invalid', 'created']
    assert [process_of(mkt, 'leads', found[i]['record_id']) for i in (0, 2)] == [large, 'lead_default']
    assert mkt.read('leads', found[0]['record_id'])['status'] == 'new'
    assert [(e['code'], e['pointer']) for e in found[1]['errors']] == [('guard_failed', '/phone')]
    assert found[1]['errors'][0]['detail']
