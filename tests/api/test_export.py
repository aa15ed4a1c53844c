"""Lists as files: what is in them, what is not, and that they can be imported again."""
import csv
import io
import os
import socket
import ssl
from pathlib import Path

import openpyxl
import pytest
import requests

from daemon import Client, wait_for
from helpers import problem
from test_startup import certificate, signed_in
from test_import import Import, mark  # pylint: disable=unused-import

BOOK = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'


def exported(client, kind, **params):
    answer = client.get(f'/v1/{kind}/export', params=params)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers['Content-Length']) == len(answer.content)
    return answer


def table(answer):
    if answer.headers['Content-Type'] == BOOK:
        return [list(row) for row in openpyxl.load_workbook(io.BytesIO(answer.content)).active.values]
    assert answer.headers['Content-Type'] == 'text/csv; charset=utf-8'
    return list(csv.reader(io.StringIO(answer.content.decode('utf-8'), newline='')))


@pytest.mark.parametrize('kind', ['leads', 'accounts', 'contacts', 'opportunities', 'activities', 'tasks'])
@pytest.mark.parametrize('format_', ['csv', 'xlsx'])
def test_every_list(manager, kind, format_):
    """The same records in the same order as the list, a column for each member."""
    answer = exported(manager, kind, format=format_, sort='created_at')
    assert answer.headers['Content-Disposition'] == (
        f'attachment; filename="{ {"opportunities": "opportunity", "activities": "activity"}.get(kind, kind[:-1]) }-export.{format_}"')
    rows = table(answer)
    page = manager.get(f'/v1/{kind}', params={'sort': 'created_at', 'limit': 200}).json()['items']
    at = rows[0].index('id')
    assert [row[at] for row in rows[1:]][:len(page)] == [item['id'] for item in page]
    assert all(name.split('.')[0] in (page[0] if page else {name.split('.')[0]: 0}) for name in rows[0])


def test_pages_filters_sort_and_fields(mkt, rep, mark):  # pylint: disable=redefined-outer-name
    """More rows than one page of the work has, of the filtered ones all and no others."""
    text = 'Nazwisko,Firma\n' + ''.join(f'A{n:04},Firma {mark}\n' for n in range(1203))
    done = Import(mkt, text, campaign=mark)
    done.propose()
    assert done.do('run')['result']['created'] == 1203
    rep.make('leads', last_name='Other')
    rows = table(exported(mkt, 'leads', campaign=mark, sort='last_name', fields='last_name,company'))
    assert rows == [['last_name', 'company'], *([f'A{n:04}', f'Firma {mark}'] for n in range(1203))] or \
        rows == [['company', 'last_name'], *([f'Firma {mark}', f'A{n:04}'] for n in range(1203))]
    rows = table(exported(mkt, 'leads', campaign=mark, sort='-last_name', fields='last_name', format='xlsx'))
    assert rows == [['last_name'], *([f'A{n:04}'] for n in range(1202, -1, -1))]


def test_formulas_are_guarded(rep, mark):  # pylint: disable=redefined-outer-name
    """What a stranger typed does not run in somebody's spreadsheet; commas, quotes and breaks stay."""
    texts = ['=1+1', '+48 600', '-x', '@sum', 'plain', 'a,b "c"\nd', "'quoted", ' led']
    for n, text in enumerate(texts):
        rep.make('leads', last_name=f'{n}', description=text, source=mark)
    answer = exported(rep, 'leads', source=mark, sort='last_name', fields='description')
    assert [row[0] for row in table(answer)[1:]] == ["'=1+1", "'+48 600", "'-x", "'@sum", *texts[4:]]
    assert answer.content.startswith(b'description\r\n"\'=1+1"\r\n')
    book = openpyxl.load_workbook(io.BytesIO(exported(rep, 'leads', source=mark, sort='last_name', fields='description', format='xlsx').content))
    cells = [row[0] for row in book.active.iter_rows(min_row=2)]
    assert [(c.value, c.data_type) for c in cells] == [(t, 's') for t in texts]


def test_delimiter_and_mark(rep, mark):  # pylint: disable=redefined-outer-name
    rep.make('leads', last_name='Żółć; a', source=mark)
    head = rep.call('HEAD', '/v1/leads/export', params={'source': mark, 'fields': 'last_name'})
    assert (head.status_code, head.headers['Content-Length'], head.content) == (200, '24', b'')
    answer = exported(rep, 'leads', source=mark, fields='last_name', delimiter=';', bom='true')
    assert answer.content == b'\xef\xbb\xbflast_name\r\n' + '"Żółć; a"\r\n'.encode()


@pytest.mark.parametrize('params, pointer', [
    ({'fields': 'colour'}, 'fields'), ({'format': 'ods'}, 'format'), ({'sort': 'phase'}, 'sort'), ({'cursor': 'x'}, 'cursor'),
    ({'limit': 5}, 'limit')])
def test_wrong_parameters(rep, params, pointer):
    errors = problem(rep.get('/v1/leads/export', params=params), 400, 'invalid_parameter')['errors']
    assert [(e['in'], e['name']) for e in errors] == [('query', pointer)]


@pytest.mark.parametrize('format_', ['csv', 'xlsx'])
def test_what_is_exported_can_be_imported(mkt, rep, mark, format_):  # pylint: disable=redefined-outer-name
    lead = {'first_name': 'Zoë', 'last_name': f'=Sum {mark}', 'company': f'"Firma" {mark}, sp. z o.o.', 'phone': f'+48 6{int(mark[-6:], 16):08}',
            'description': 'first\nsecond', 'estimated_value': {'amount': '1234.567', 'currency': 'PLN'}, 'budget_confirmed': True,
            'tags': ['warm', 'big'], 'country': 'PL', 'source': mark}
    made = rep.make('leads', **lead)
    data = exported(rep, 'leads', source=mark, format=format_).content
    assert rep.delete(f'/v1/leads/{made["id"]}').status_code in (204, 403)
    mkt.delete(f'/v1/leads/{made["id"]}')
    done = Import(mkt, data, campaign=mark)
    fields = {c['header']: c['field'] for c in done.propose()['columns']}
    assert {fields[k] for k in ('estimated_value.amount', 'estimated_value.currency', 'last_name', 'tags')} == {
        'estimated_value.amount', 'estimated_value.currency', 'last_name', 'tags'}
    assert (fields['id'], fields['status'], fields['created_at']) == ('external_id', None, None)
    done.do('run')
    row = done.rows()[0]
    assert row['outcome'] in ('created', 'duplicate'), row
    again = mkt.read('leads', row['record_id'])
    assert {k: again[k] for k in lead} == lead


def test_only_what_one_may_see(rep, new_user, mark):  # pylint: disable=redefined-outer-name
    """The scope of the list's permission holds; who may not read the list may not export it."""
    rep.make('opportunities', name=f'Mine {mark}', account_id=rep.make('accounts', name=f'A {mark}')['id'])
    other = new_user('sales')
    listed = {o['id'] for o in other.get('/v1/opportunities', params={'q': mark}).json()['items']}
    rows = table(exported(other, 'opportunities', q=mark, fields='id'))
    assert {row[0] for row in rows[1:]} == listed
    nobody = new_user()
    problem(nobody.get('/v1/leads/export'), 403, 'forbidden')


def test_too_many_rows(new_daemon, contract, mark):  # pylint: disable=redefined-outer-name
    """Nothing is sent of a list that is longer than an export may be, nor without a place for the file."""
    daemon = new_daemon(export_rows=2, temp_dir='/dev/null/none')
    admin = Client(daemon, contract)
    admin.token = admin.post('/v1/session', json={'email': daemon.admin['email'], 'password': daemon.admin['password']}).json()['access_token']
    admin.make('leads', last_name=f'A{mark}')
    assert admin.get('/v1/leads/export').status_code == 500  # no folder can be there
    admin.make('leads', last_name=f'B{mark}')
    admin.make('leads', last_name=f'C{mark}')
    said = problem(admin.get('/v1/leads/export'), 422, 'export_too_large')
    assert said['detail'] == 'An export may have 2 rows; filter the list.'


def open_files(daemon):
    """What the daemon holds open: files without a name, and everything."""
    names = []
    for entry in Path(f'/proc/{daemon.process.pid}/fd').iterdir():
        try:
            names.append(os.readlink(entry))
        except FileNotFoundError:
            pass
    return sum('(deleted)' in name for name in names), len(names)


@pytest.fixture
def large(new_daemon, contract, tmp_path):
    """Daemons, without and with TLS, whose list of leads is an export of ten megabytes."""
    crt, key = certificate(tmp_path, 'export')
    plain = new_daemon(job_interval_ms=20)
    secret = new_daemon(job_interval_ms=0, database_url=f'host={plain.socket_folder} dbname=sluice user=sluice_app',
                        tls_certificate=crt, tls_key=key)
    secret.certificate = str(crt)
    admin = signed_in(plain, contract)
    text = 'Nazwisko,Opis\n' + ''.join(f'Large {n:04},{"x" * 9000}{n}\n' for n in range(1200))
    done = Import(admin, text)
    done.map('last_name', 'description')
    assert done.do('run')['result']['created'] == 1200
    return admin, plain, secret


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_over_tls_and_a_client_that_leaves(large):  # pylint: disable=redefined-outer-name
    """The same bytes with and without TLS; whoever leaves in the middle leaves no file, connection or question behind."""
    admin, plain, secret = large
    whole = admin.get('/v1/leads/export', params={'fields': 'last_name,description', 'sort': 'last_name'})
    assert whole.status_code == 200 and len(whole.content) > 10_000_000
    rows = table(whole)
    assert len(rows) == 1201 and {'Large 1199', f'{"x" * 9000}1199'} == set(rows[1200])
    headers = {'Authorization': f'Bearer {admin.token}'}
    over_tls = requests.get(f'{secret.url}/v1/leads/export', params={'fields': 'last_name,description', 'sort': 'last_name'},
                            headers=headers, verify=secret.certificate, timeout=60)
    assert (over_tls.status_code, over_tls.content) == (200, whole.content)
    for daemon in (plain, secret):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        host, port = daemon.url.split('//')[1].split(':')
        requests.get(f'{daemon.url}/livez', verify=getattr(daemon, 'certificate', True), timeout=10)
        wait_for(lambda d=daemon: open_files(d)[0] == 0, what='no file')
        before = open_files(daemon)
        for enough in (0, 1, 300_000):  # it leaves at once, with the first bytes, in the middle
            s = socket.create_connection((host, int(port)), 10)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s = context.wrap_socket(s) if daemon is secret else s
            s.sendall(f'GET /v1/leads/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.token}\r\n\r\n'.encode())
            got = 0
            while got < enough:
                got += len(s.recv(65536))
            s.close()
        wait_for(lambda d=daemon, b=before: open_files(d)[0] == 0 and open_files(d)[1] <= b[1], what='everything is closed')
    answer = admin.get('/v1/leads/export', params={'fields': 'last_name'})
    assert (answer.status_code, len(table(answer))) == (200, 1201)
