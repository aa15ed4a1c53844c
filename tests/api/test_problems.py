"""The page about problems: every code is there, with what comes with it, and is provoked by a test."""
import re

import requests

from contract import ROOT
from helpers import DOCUMENTED

CODES = dict(re.findall(r'^ERR\(\w+, "(\w+)", (\d+)', (ROOT / 'lib' / 'base' / 'err.def').read_text(), re.M))


def test_every_code_has_an_example():
    assert DOCUMENTED.keys() == CODES.keys()
    page = (ROOT / 'api-spec' / 'problems.md').read_text()
    for code, example in DOCUMENTED.items():
        assert example['code'] == code
        assert re.search(rf'^## {code}\n\n\*\*{CODES[code]}\.\*\* ', page, re.M), code
        assert ('detail' in example) or ('errors' in example) or example.keys() - {'code', 'retryable'}, code


def test_every_code_is_provoked():
    """Somewhere, with the code as a word of its own: nothing is promised that nobody has seen."""
    texts = '\n'.join(p.read_text() for folder in ('api', 'fault', 'unit') for p in (ROOT / 'tests' / folder).glob('test_*')
                      if p.name != 'test_problems.py')
    assert [code for code in CODES if f"'{code}'" not in texts and f'"{code}"' not in texts] == []


def test_the_type_of_a_problem_leads_to_its_heading(anonymous):
    """In a browser it is a page; without one, text that a person can read as well."""
    told = anonymous.get('/v1/weather').json()
    page, heading = told['type'].split('#')
    shown = anonymous.get(page, headers={'Accept': 'text/html,application/xhtml+xml,*/*;q=0.8'})
    assert shown.headers['Content-Type'] == 'text/html; charset=utf-8' and shown.headers['Vary'] == 'Accept'
    assert f'<h2 id="{heading}">{heading}</h2>' in shown.text
    assert all(f'<h2 id="{code}">' in shown.text for code in CODES)
    plain = anonymous.get(page)
    assert plain.headers['Content-Type'] == 'text/plain; charset=utf-8' and f'\n## {heading}\n' in plain.text
    again = anonymous.get(page, headers={'Accept': 'text/html', 'If-None-Match': shown.headers['ETag']})
    assert again.status_code == 304
    assert anonymous.get(page, headers={'If-None-Match': shown.headers['ETag']}).text == plain.text


GUIDES = ('designing', 'importing', 'problems', 'reliability')


def test_guides_are_pages_with_ways_between_them(anonymous):
    for name in GUIDES:
        page = anonymous.get(f'/docs/{name}', headers={'Accept': 'text/html'})
        assert "default-src 'none'" in page.headers['Content-Security-Policy']
        for other in ('', *(f'/{g}' for g in GUIDES), '/landing'):
            assert f'<a href="/docs{other}">' in page.text, (name, other)
        anchors = re.findall(r' id="([^"]*)"', page.text)
        assert len(set(anchors)) == len(anchors)
        assert set(re.findall(r'<a href="#([^"]*)"', page.text)) <= set(anchors)
        text = (ROOT / 'api-spec' / f'{name}.md').read_text()
        assert len(re.findall(r'<h[1-6] ', page.text)) == len(re.findall(r'^#+ ', re.sub(r'^```.*?^```', '', text, flags=re.M | re.S), re.M))
        assert '```' not in page.text and '**' not in re.sub(r'<code>.*?</code>', '', page.text, flags=re.S)
    reference = anonymous.get('/docs').text
    assert all(f'href="/docs/{g}"' in reference for g in (*GUIDES, 'landing'))


def test_the_address_of_the_daemon_leads_to_the_reference(daemon):
    for path in ('/', '/docs/'):
        led = requests.get(daemon.url + path, timeout=20, allow_redirects=False)
        assert (led.status_code, led.headers['Location']) == (302, '/docs')
        assert requests.head(daemon.url + path, timeout=20).status_code == 302
        refused = requests.post(daemon.url + path, timeout=20)
        assert (refused.status_code, refused.headers['Allow']) == (405, 'GET, HEAD, OPTIONS')
    told = requests.get(daemon.admin_url + '/', timeout=20).json()
    assert (told['code'], told['detail']) == ('no_such_address', 'there is no /')
