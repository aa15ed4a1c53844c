"""Spreadsheets from a shell: sluicectl import and export, which ask a running daemon."""
import csv
import io
import json
import os
import subprocess

import openpyxl
import pytest

from test_blueprints import SLUICECTL
from test_startup import certificate, signed_in
from test_import import mark  # pylint: disable=unused-import


def shell(client, *words, **env):
    """Runs sluicectl as whoever the client is signed in as."""
    rest = {k: v for k, v in os.environ.items() if not k.startswith('SLUICE_')}
    return subprocess.run([SLUICECTL, *map(str, words)], capture_output=True, text=True, check=False, timeout=120,
                          env={**rest, 'SLUICE_URL': client.daemon.url, 'SLUICE_TOKEN': client.token, **env})


@pytest.fixture
def sheet(tmp_path, mark):  # pylint: disable=redefined-outer-name
    path = tmp_path / 'fair.csv'
    path.write_text('Imię;Nazwisko;E-mail;Kolor\n'
                    f'Anna;Kowalska;anna-{mark}@fair.example;red\nJan;Nowak;jan-{mark}@fair.example;blue\n'
                    f'Jan;Nowak;JAN-{mark}@fair.example;blue\nOla;Lis;ola at fair;green\n', encoding='utf-8')
    return path


def test_a_spreadsheet_is_tried_and_run(mkt, sheet, mark, tmp_path):  # pylint: disable=redefined-outer-name
    before = mkt.get('/v1/leads', params={'campaign': mark}).json()['items']
    words = ['import', sheet, '--entity', 'lead', '--map', 'kolor=description', '--map', 'Imię=', '--option', f'campaign={mark}']
    tried = shell(mkt, *words)
    assert (tried.returncode, before) == (1, []), tried.stderr
    lines = tried.stdout.splitlines()
    one = lines[0].removeprefix('import ')
    assert lines[1:] == ['Imię -> (not imported)', 'Nazwisko -> last_name', 'E-mail -> email', 'Kolor -> description',
                         'trial: 4 rows: 2 created, 0 duplicate, 1 duplicate in the file, 1 invalid',
                         'line 4: duplicate_in_file of line 3', lines[7]]
    assert lines[7].startswith('line 5: invalid: E-mail: ')
    assert tried.stderr.endswith('trial: 4 rows\n')
    assert mkt.read('imports', one)['file_name'] == 'fair.csv'
    assert mkt.get('/v1/leads', params={'campaign': mark}).json()['items'] == []
    report = tmp_path / 'report'
    ran = shell(mkt, *words, '--run', '--name', 'Fair', '--report', report)
    assert ran.returncode == 1 and 'run: 4 rows: 2 created, 0 duplicate, 1 duplicate in the file, 1 invalid\n' in ran.stdout, ran.stderr
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(r['line'], r['outcome']) for r in rows] == [(2, 'created'), (3, 'created'), (4, 'duplicate_in_file'), (5, 'invalid')]
    made = mkt.read('leads', rows[0]['record_id'])
    assert (made['first_name'], made['last_name'], made['description'], made['campaign']) == (None, 'Kowalska', 'red', mark)
    again = shell(mkt, *words, '--run')
    assert again.returncode == 2 and '409: This very file was imported before.' in again.stderr
    again = shell(mkt, *words, '--run', '--again')
    assert again.returncode == 1 and f'line 2: duplicate of {made["id"]}\n' in again.stdout


def test_a_large_file_goes_in_parts(mkt, mark, tmp_path):  # pylint: disable=redefined-outer-name
    path = tmp_path / 'large.csv'
    path.write_text('Nazwisko,Opis\n' + ''.join(f'Part {mark} {n},{"x" * 9000}\n' for n in range(1000)), encoding='utf-8')
    done = shell(mkt, 'import', path, '--entity', 'lead', '--run')
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0, 'run: 1000 rows: 1000 created, 0 duplicate, 0 duplicate in the file, 0 invalid'), done.stderr


def test_a_list_is_written_to_a_file(mkt, sheet, mark, tmp_path):  # pylint: disable=redefined-outer-name
    assert shell(mkt, 'import', sheet, '--entity', 'lead', '--option', f'campaign={mark}', '--run').returncode == 1
    told = shell(mkt, 'export', 'leads', '--filter', f'campaign={mark}', '--filter', 'sort=last_name', '--filter', 'fields=last_name')
    assert (told.returncode, list(csv.reader(io.StringIO(told.stdout)))) == (0, [['last_name'], ['Kowalska'], ['Nowak']])
    book = tmp_path / 'leads.xlsx'
    told = shell(mkt, 'export', 'leads', '--filter', f'campaign={mark}', '--filter', 'sort=-last_name', '--filter', 'fields=last_name',
                 '--to', book)
    assert (told.returncode, told.stdout) == (0, '')
    assert list(openpyxl.load_workbook(book).active.values) == [('last_name',), ('Nowak',), ('Kowalska',)]
    told = shell(mkt, 'export', 'leads', '--filter', 'fields=colour', '--to', tmp_path / 'none.csv')
    assert told.returncode == 2 and '400' in told.stderr and '\n  fields: ' in told.stderr
    assert not (tmp_path / 'none.csv').exists()


IMPORT_HELP, EXPORT_HELP = 'See sluicectl import --help.\n', 'See sluicectl export --help.\n'


def test_what_is_typed_wrong_is_said_in_a_line(mkt, sheet):  # pylint: disable=redefined-outer-name
    for words, env, says in (
            (['import'], {}, 'sluicectl import: say which FILE is to be imported\n' + IMPORT_HELP),
            (['import', sheet], {}, 'sluicectl import: say what the rows are: --entity lead, account or contact\n' + IMPORT_HELP),
            (['import', sheet, '--entity'], {}, 'sluicectl import: --entity needs a value\n' + IMPORT_HELP),
            (['import', sheet, '--entitty', 'lead'], {},
             'sluicectl import: there is no option "--entitty"; did you mean "--entity"?\n' + IMPORT_HELP),
            (['import', sheet, '--map', 'Kolor'], {}, 'sluicectl import: --map takes NAME=VALUE, not "Kolor"\n' + IMPORT_HELP),
            (['export', 'leads', '--map', 'a=b'], {},
             'sluicectl export: there is no option "--map"; there are --to, --filter, --url, --help\n' + EXPORT_HELP),
            (['export', 'leads', 'accounts'], {},
             'sluicectl export: what "accounts" is for is not clear: there is "leads" already\n' + EXPORT_HELP),
            (['exprot'], {}, 'sluicectl: there is no command "exprot"; did you mean "export"?\nSee sluicectl --help.\n'),
            ([], {}, 'sluicectl: say what is to be done: migrate, blueprint, import, export, config\nSee sluicectl --help.\n'),
            (['blueprint', 'aply'], {},
             'sluicectl blueprint: there is no verb "aply"; did you mean "apply"?\nSee sluicectl blueprint --help.\n'),
            (['blueprint', 'apply', 'x', '--base', 'y'], {},
             'sluicectl blueprint: --base takes the number of a version, not "y"\nSee sluicectl blueprint --help.\n'),
            (['import', '/nowhere.csv', '--entity', 'lead'], {}, '/nowhere.csv: cannot be opened\n'),
            (['export', 'leads'], {'SLUICE_TOKEN': ''}, 'SLUICE_TOKEN holds an API key or an access token\n'),
            (['export', 'leads'], {'SLUICE_URL': 'ftp://x'},
             '--url or SLUICE_URL names the daemon: http://host:port or https://host:port\n'),
            (['export', 'leads'], {'SLUICE_URL': 'http://127.0.0.1:1'}, '127.0.0.1 port 1: cannot be reached\n')):
        told = shell(mkt, *words, **env)
        assert (told.returncode, told.stdout, told.stderr) == (2, '', says)
    told = shell(mkt, 'import', sheet, '--entity', 'lead', '--map', 'Rozmiar=city')
    assert told.returncode == 2 and told.stderr == '--map Rozmiar=city: the file has no such column\n'
    for verb in ('import', 'export', 'blueprint'):
        told = shell(mkt, verb, '--help')
        assert told.returncode == 0 and told.stdout.startswith(f'usage: sluicectl {verb} ')


def refusal(told):
    """What a refused command said, without the id of the request."""
    assert told.returncode == 2, told
    *lines, last = told.stderr.splitlines()
    assert last.startswith('  request_id: '), told.stderr
    return lines


def test_a_refusal_is_told_whole(mkt, rep, sheet):  # pylint: disable=redefined-outer-name
    """Title, code, hint, every error with what would do, and the ids that come with it."""
    assert refusal(shell(mkt, 'export', 'leads', '--filter', 'statuss=open')) == [
        'GET /v1/leads/export?format=csv&statuss=open: 400: A parameter is wrong', '  A parameter is wrong (invalid_parameter)',
        '  statuss: There is no such parameter.', '    hint: did you mean "status"?']
    assert refusal(shell(mkt, 'import', sheet, '--entity', 'laed')) == [
        'POST /v1/imports: 422: The body does not match the schema', '  The body does not match the schema (validation_failed)',
        '  /entity: Send one of the allowed values.', '    hint: did you mean "lead"?', '    got: laed',
        '    allowed: lead, account, contact']
    assert refusal(shell(mkt, 'export', 'leads', SLUICE_TOKEN='x')) == [
        'GET /v1/leads/export?format=csv: 401: The token or key is not valid', '  The token or key is not valid (invalid_token)',
        '  hint: sign in again, or copy the key whole; a lost key has to be made anew']
    assert refusal(shell(rep, 'import', sheet, '--entity', 'lead'))[:2] == [
        'POST /v1/imports: 403: This needs the permission "import.run".', '  Not permitted (forbidden)']
    first = shell(mkt, 'import', sheet, '--entity', 'lead', '--run')
    one = first.stdout.splitlines()[0].removeprefix('import ')
    again = refusal(shell(mkt, 'import', sheet, '--entity', 'lead', '--run'))
    assert again[-4:] == [f'{again[-4].partition(":")[0]}: 409: This very file was imported before.',
                          '  The same file was imported before (file_imported)', again[-2], f'  import_id: {one}']
    assert again[-2].startswith('  hint: ')


def test_over_tls(new_daemon, contract, tmp_path, sheet):  # pylint: disable=redefined-outer-name
    """The certificate is verified by what the system trusts."""
    crt, key = certificate(tmp_path, 'shell')
    daemon = new_daemon(tls_certificate=crt, tls_key=key, job_interval_ms=20)
    daemon.certificate = str(crt)
    admin = signed_in(daemon, contract)
    told = shell(admin, 'import', sheet, '--entity', 'lead', '--run')
    assert told.returncode == 2 and 'TLS: self-signed certificate' in told.stderr
    told = shell(admin, 'import', sheet, '--entity', 'lead', '--run', SSL_CERT_FILE=str(crt))
    assert told.returncode == 1 and 'run: 4 rows: 2 created' in told.stdout, told.stderr
    told = shell(admin, 'export', 'leads', '--filter', 'fields=last_name', SSL_CERT_FILE=str(crt))
    assert (told.returncode, sorted(told.stdout.splitlines())) == (0, ['Kowalska', 'Nowak', 'last_name'])
