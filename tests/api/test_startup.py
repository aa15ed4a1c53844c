"""How a daemon starts: one for a data folder, what it tells who started it, settings that are wrong, TLS."""
import json
import os
import signal
import socket
import ssl
import stat
import subprocess

import pytest
import requests

from daemon import Client, Daemon, binary, wait_for


def signed_in(daemon, contract):
    client = Client(daemon, contract)
    session = client.post('/v1/session', json={'email': daemon.admin['email'], 'password': daemon.admin['password']})
    assert session.status_code == 201, session.text
    client.token = session.json()['access_token']
    return client


def ready(daemon):
    return requests.get(daemon.admin_url + '/readyz', timeout=10).status_code


def test_one_daemon_for_a_data_folder(new_daemon):
    daemon = new_daemon(workers=1)
    second = Daemon(folder=daemon.folder)
    run = subprocess.run([binary()], env={**second.environment(), 'SLUICE_READY_FILE': str(daemon.folder / 'second.json')},
                         capture_output=True, timeout=60, check=False)
    assert run.returncode != 0 and b'another process uses the data folder' in run.stdout + run.stderr
    assert ready(daemon) == 200


def test_the_ready_file(new_daemon):
    daemon = new_daemon(workers=1)
    path = daemon.folder / 'ready.json'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = json.loads(path.read_text())
    assert set(document) == {'url', 'admin_url', 'pid', 'admin', 'intake'} and document['pid'] == daemon.process.pid
    assert document['admin']['password'].startswith('slp_') and document['intake']['key'].startswith('ik_')
    assert daemon.stop() == 0 and not path.exists()


@pytest.mark.parametrize('setting, value, says', [
    ('listen', 'nonsense', '"nonsense" is not HOST:PORT'), ('workers', 'many', 'workers'),
    ('log_format', 'xml', 'log_format'), ('tls_certificate', '/nowhere.pem', 'tls_key'),
    ('trusted_proxies', '10.0.0.1/8', 'trusted_proxies is not ADDRESS[/BITS]'), ('trusted_proxies', 'proxy.local', 'trusted_proxies'),
    ('proxy_header', 'x-real-ip', 'proxy_header'),
    ('lissten', 'x', 'did you mean SLUICE_LISTEN?')])
def test_wrong_settings_are_told(new_daemon, setting, value, says):
    d = new_daemon(start=False, **{setting: value})
    run = subprocess.run([binary()], env=d.environment(), capture_output=True, timeout=60, check=False, cwd=d.folder)
    assert run.returncode != 0
    assert says in (run.stdout + run.stderr).decode().replace('\\"', '"')


def certificate(folder, name):
    files = folder / f'{name}.crt', folder / f'{name}.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-days', '2', '-subj', f'/CN={name}', '-addext', 'subjectAltName=IP:127.0.0.1',
                    '-out', files[0], '-keyout', files[1]], check=True, capture_output=True)
    return files


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_tls(new_daemon, contract, tmp_path):
    crt, key = certificate(tmp_path, 'first')
    daemon = new_daemon(tls_certificate=crt, tls_key=key, workers=1)
    assert daemon.url.startswith('https://127.0.0.1:')
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(daemon.url + '/livez', timeout=10)
    daemon.certificate = str(crt)
    client = signed_in(daemon, contract)
    for size in (10, 5000, 200000):  # records larger than one of TLS
        activity = client.post('/v1/leads', json={'last_name': 'TLS', 'description': 'x' * min(size, 10000)})
        assert activity.status_code == 201
    assert len(client.get('/openapi.json').content) > 100000
    host, port = daemon.url.removeprefix('https://').split(':')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)), socket.create_connection((host, int(port)), 10) as s:
        context.wrap_socket(s)
    with socket.create_connection((host, int(port)), 10) as s:  # plain HTTP at a TLS port
        s.sendall(b'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
        with pytest.raises((ConnectionResetError, EOFError)):
            assert b'alive' not in s.recv(1000)
            raise EOFError
    second_crt, second_key = certificate(tmp_path, 'second')
    os.replace(second_crt, crt)
    os.replace(second_key, key)
    daemon.process.send_signal(signal.SIGHUP)

    def renewed():
        try:
            return requests.get(daemon.url + '/livez', timeout=10, verify=str(crt)).status_code == 200
        except requests.exceptions.SSLError:
            return False
    wait_for(renewed, 20, 'the new certificate')
