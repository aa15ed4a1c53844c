"""Workbooks: the same import as CSV, from files as spreadsheet programs write them."""
import datetime
import io
import struct
import zipfile

import openpyxl
import pytest

from daemon import Client, Daemon
from helpers import killed_at, problem
from test_import import Import, finished, mark  # pylint: disable=unused-import


def book(*sheets, epoch=None, **named):
    """The bytes of a workbook; each sheet is a list of rows."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    if epoch:
        made.epoch = epoch
    for title, rows in [*((f'Sheet{n}', rows) for n, rows in enumerate(sheets, 1)), *named.items()]:
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def rewritten(data, change):
    """The workbook with its parts changed: change(name, text) gives the new text, None drops it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = change(name, old.read(name))
            if text is not None:
                new.writestr(name, text)
    return out.getvalue()


def test_duplicates_are_told_apart(manager, mark):  # pylint: disable=redefined-outer-name
    """Scenario 13 with a workbook: in parts that cut it anywhere, and known by its content."""
    digits = f'{int(mark[-6:], 16):010}'
    there = manager.make('accounts', name=f'Known {mark}', tax_id=f'PL {digits}')
    data = book([['Firma', 'NIP'], ['Same', digits], ['Same again', f'{digits[:3]}-{digits[3:]}'], [f'New {mark}', f'9{digits}']])
    done = Import(manager, data, 'account', part=1000)
    found = done.propose()
    assert (found['format'], found['encoding'], found['delimiter'], found['bytes']) == ('xlsx', None, None, len(data))
    assert [(c['header'], c['field'], c['samples'][0]) for c in found['columns']] == [('Firma', 'name', 'Same'), ('NIP', 'tax_id', digits)]
    assert done.do('dry-run')['result'] == {'rows_read': 3, 'created': 1, 'duplicate': 1, 'duplicate_in_file': 1, 'invalid': 0}
    assert done.do('run')['result'] == {'rows_read': 3, 'created': 1, 'duplicate': 1, 'duplicate_in_file': 1, 'invalid': 0}
    rows = done.rows()
    assert [(r['line'], r['outcome'], r['other_line']) for r in rows] == [
        (2, 'duplicate', None), (3, 'duplicate_in_file', 2), (4, 'created', None)]
    assert rows[0]['record_id'] == there['id']
    assert manager.read('accounts', rows[2]['record_id'])['name'] == f'New {mark}'
    assert done.read()['bytes_read'] == len(data)
    again = Import(manager, data, 'account', part=1000)
    again.propose()
    assert problem(manager.post(again.url('/run')), 409, 'file_imported')['import_id'] == done.id


@pytest.mark.parametrize('epoch', [openpyxl.utils.datetime.WINDOWS_EPOCH, openpyxl.utils.datetime.MAC_EPOCH])
def test_values_of_cells(mkt, mark, epoch):  # pylint: disable=redefined-outer-name
    """Numbers are numbers whatever marks people use; what was typed as text is read as people write it."""
    phone = 48600000000 + int(mark[-6:], 16) * 2 + (epoch.year == 1904)
    data = book([
        ['Nachname', 'Wert', 'Währung', 'Budget', 'Telefon', 'Land', 'Notiz', 'Tags'],
        [f'Müller {mark}', 1.234, 'EUR', True, phone, 'Deutschland', 'erste\nzweite "Zeile"', 'warm, groß'],
        [],
        [f'Schmidt {mark}', '1.234', '€', 'nein', f'{phone} 2', 'pl', datetime.date(2026, 11, 21), None],
        [f'Nowak {mark}', 0.1 + 0.2, 'EUR', False, None, None, datetime.datetime(2026, 11, 21, 9, 15), None]], epoch=epoch)
    done = Import(mkt, data, campaign=f'{mark}{epoch.year}')
    done.propose()
    done.do('run', again=True)
    assert done.counts() == (3, 3, 0, 0, 0)
    rows = done.rows()
    assert [r['line'] for r in rows] == [2, 4, 5]
    one, two, three = (mkt.read('leads', r['record_id']) for r in rows)
    assert {k: one[k] for k in ('estimated_value', 'budget_confirmed', 'phone', 'country', 'description', 'tags')} == {
        'estimated_value': {'amount': '1.234', 'currency': 'EUR'}, 'budget_confirmed': True, 'phone': str(phone),
        'country': 'DE', 'description': 'erste\nzweite "Zeile"', 'tags': ['warm', 'groß']}
    assert {k: two[k] for k in ('estimated_value', 'budget_confirmed', 'phone', 'country', 'description')} == {
        'estimated_value': {'amount': '1234', 'currency': 'EUR'}, 'budget_confirmed': False, 'phone': f'{phone} 2',
        'country': 'PL', 'description': '2026-11-21'}
    assert (three['estimated_value'], three['description']) == (
        {'amount': '0.3', 'currency': 'EUR'}, '2026-11-21 09:15:00')


def test_a_named_sheet(mkt, mark):  # pylint: disable=redefined-outer-name
    data = book([['x'], ['y']], Łódź=[['Nazwisko'], [f'A{mark}']])
    wrong = Import(mkt, data, sheet='Other')
    assert problem(mkt.post(wrong.url('/mapping')), 422, 'unreadable_file')['detail'] == (
        'There is no sheet "Other"; the workbook has "Sheet1", "Łódź".')
    assert wrong.read()['status'] == 'uploading'
    done = Import(mkt, data, sheet='Łódź', campaign=mark)
    assert [c['field'] for c in done.propose()['columns']] == ['last_name']
    assert done.do('run')['result']['created'] == 1


def test_errors_in_cells_are_told(mkt, mark):  # pylint: disable=redefined-outer-name
    """A formula that failed makes its row invalid, in a column that is imported."""
    data = book([['Nazwisko', 'Firma', 'x'], [f'A{mark}', '#DIV/0!', 'y'], [f'B{mark}', 'fine', '#N/A']])
    done = Import(mkt, data, campaign=mark)
    done.map('last_name', 'company', None)
    done.do('run')
    rows = done.rows()
    assert [(r['line'], r['outcome']) for r in rows] == [(2, 'invalid'), (3, 'created')]
    assert rows[0]['errors'] == [{'column': 'Firma', 'code': 'cell_error', 'detail': 'The formula of the cell failed: #DIV/0!.'}]
    assert rows[0]['cells'] == {'Nazwisko': f'A{mark}', 'Firma': '#DIV/0!', 'x': 'y'}


def bomb():
    sheet = b'<worksheet><sheetData>' + b' ' * (8 << 20) + b'</sheetData></worksheet>'
    return rewritten(book([['a'], ['b']]), lambda name, text: sheet if name.endswith('sheet1.xml') else text)


def entity():
    sheet = b'''<!DOCTYPE w [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet><sheetData>
        <row r="1"><c r="A1" t="str"><v>&e;</v></c></row></sheetData></worksheet>'''
    return rewritten(book([['a'], ['b']]), lambda name, text: sheet if name.endswith('sheet1.xml') else text)


def protected():
    """The beginning of a compound file with the stream that an encrypted workbook has."""
    return b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + bytes(504) + 'EncryptedPackage'.encode('utf-16-le') + bytes(480)


def locked():
    """A part of the zip is said to be encrypted."""
    data = bytearray(book([['a'], ['b']]))
    at = data.index(b'PK\x01\x02')
    while at >= 0:
        flags = struct.unpack_from('<H', data, at + 8)[0]
        struct.pack_into('<H', data, at + 8, flags | 1)
        at = data.find(b'PK\x01\x02', at + 4)
    return bytes(data)


def many_parts():
    out = io.BytesIO(book([['a'], ['b']]))
    with zipfile.ZipFile(out, 'a') as file:
        for n in range(4100):
            file.writestr(f'x{n}', b'')
    return out.getvalue()


def other_zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as file:
        file.writestr('readme.txt', 'hello')
    return out.getvalue()


@pytest.mark.parametrize('make, sentence', [
    (bomb, 'A part of the workbook unpacks to far more than its size; that is no spreadsheet.'),
    (entity, 'A part of the workbook has a document type, which no spreadsheet program writes.'),
    (protected, 'The workbook is protected by a password; save it without one.'),
    (locked, 'The workbook is protected by a password; save it without one.'),
    (many_parts, 'The workbook has more than 4096 parts.'),
    (other_zip, 'This is a packed file; only .xlsx workbooks are read.'),
    (lambda: book([]), 'The file has no rows.'),
    (lambda: book([['Name']]), 'The file has a header and no rows.'),
    (lambda: book([list(range(300)), ['x']]), 'There are more than 256 columns.'),
    (lambda: book([['x' * 60000] * 9]), 'Row 1 is longer than 262,144 bytes.'),
    (lambda: book([['a'], ['b']])[:-100], None)])
def test_bad_workbooks(mkt, make, sentence):
    done = Import(mkt, make())
    said = problem(mkt.post(done.url('/mapping')), 422, 'unreadable_file')['detail']
    assert said == sentence if sentence else said.startswith('The workbook is damaged or was cut off: ')
    assert (done.read()['status'], done.read()['columns']) == ('uploading', None)
    problem(mkt.post(done.url('/run')), 409, 'conflict')


def test_unpacking_again_forgets_what_was_unpacked(mkt, rows, mark):  # pylint: disable=redefined-outer-name
    """A file that is replaced by another kind is read as that."""
    done = Import(mkt, book([['Nazwisko'], [f'A{mark}']]), campaign=mark)
    done.propose()
    done.propose()
    texts = rows('select distinct text_id from sluice.import_text where import_id = %s', done.id)
    assert len(texts) == 1
    done.send(f'Firma,Nazwisko\nX,B{mark}\n')
    found = done.propose()
    assert (found['format'], [c['field'] for c in found['columns']]) == ('csv', ['company', 'last_name'])
    assert rows('select from sluice.import_text where import_id = %s', done.id) == []
    assert done.do('run')['result']['created'] == 1


def test_a_daemon_that_dies_leaves_the_rest_to_another(contract, mark):  # pylint: disable=redefined-outer-name
    """Killed in the middle of a workbook: every row has one result, and every record is made once."""
    first = Daemon(job_interval_ms=0)  # the others work
    try:
        first.start()
        folder = first.socket_folder
        admin = Client(first, contract)
        admin.token = admin.post('/v1/session', json={'email': first.admin['email'],
                                                      'password': first.admin['password']}).json()['access_token']
        import psycopg2  # pylint: disable=import-outside-toplevel
        db = psycopg2.connect(host=str(folder), dbname='sluice', user='postgres')
        db.autocommit = True

        def one(sql):
            with db.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchone()[0] if cursor.description else None

        rows = 12000
        made = openpyxl.Workbook(write_only=True)
        sheet = made.create_sheet()
        sheet.append(['first_name', 'last_name', 'email', 'description'])
        for i in range(rows):
            sheet.append([f'Jan{i}', f'Nowak, {i}', f'gen{i - i % 2 * (i % 100 == 51)}-{mark}@big.example' if i % 100 != 3 else 'x',
                          'first\nsecond'])
        out = io.BytesIO()
        made.save(out)
        job = Import(admin, out.getvalue(), part=100000, campaign=mark)
        job.propose()
        second = Daemon(job_interval_ms=20, database_url=f'host={folder} dbname=sluice user=sluice_app')
        second.start()
        left = admin.post(job.url('/run')).json()
        second = killed_at(second, one, left, (2000,), most=10000, total=rows)
        assert finished(admin, left, 120)['result'] == {
            'rows_read': rows, 'created': rows - 240, 'duplicate': 0, 'duplicate_in_file': 120, 'invalid': 120}
        assert one('select count(*) from sluice.lead') == rows - 240
        assert [r['line'] for r in job.rows(outcome='invalid')] == [i + 2 for i in range(3, rows, 100)]
        second.destroy()
        db.close()
    finally:
        first.destroy()
