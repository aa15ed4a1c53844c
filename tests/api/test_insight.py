"""What the history tells: pictures of a process, why something moved, what stops people, where records wait."""
import xml.etree.ElementTree as ET

import pytest

from helpers import UNKNOWN, contact, problem

SVG = '{http://www.w3.org/2000/svg}'


def version_of(client, key):
    items = client.get('/v1/blueprints').json()['items']
    return next(i['id'] for i in items if i['key'] == key and i['status'] == 'published')


def picture(client, key='lead_default', language='en', **params):
    answer = client.get(f'/v1/blueprints/{version_of(client, key)}/diagram', params=params,
                        headers={'Accept-Language': language})
    assert answer.status_code == 200, answer.text
    return answer


# pictures

@pytest.mark.parametrize('key', ['lead_default', 'account_verification', 'sales_pipeline'])
def test_a_process_is_drawn(viewer, key):
    answer = picture(viewer, key)
    assert answer.headers['Content-Type'] == 'image/svg+xml'
    root = ET.fromstring(answer.content)
    assert root.tag == SVG + 'svg'
    whole = viewer.get(f'/v1/blueprints/{version_of(viewer, key)}').json()
    drawn = {g.get('id')[len('state-'):] for g in root.iter(SVG + 'g') if g.get('id')}
    assert drawn == {s['key'] for s in whole['states']}
    assert answer.content == picture(viewer, key).content, 'the same process is the same picture'


def test_texts_name_every_edge(viewer):
    whole = viewer.get(f'/v1/blueprints/{version_of(viewer, "lead_default")}').json()
    states = [s['key'] for s in whole['states']]
    edges = {(s, t['to']) for t in whole['transitions'] if t['kind'] != 'initial'
             for s in (t['from'] if t['from'] is not None else [s for s in states if s not in t['except']])}
    mermaid = picture(viewer, format='mermaid')
    assert mermaid.headers['Content-Type'].startswith('text/plain')
    lines = mermaid.text.splitlines()
    assert lines[0] == 'stateDiagram-v2'
    told = {tuple(line.split(':')[0].replace('s_', '', 1).replace(' s_', ' ').strip().split(' --> ')) for line in lines
            if ' --> ' in line and '[*]' not in line}
    assert told == edges
    dot = picture(viewer, format='dot').text
    assert dot.startswith('digraph "lead_default" {') and dot.rstrip().endswith('}')
    assert all(f'"{a}" -> "{b}"' in dot for a, b in edges)


def test_a_picture_speaks_the_language_of_the_request(viewer):
    texts = {language: picture(viewer, language=language, format='mermaid').text for language in ('en', 'pl', 'ru')}
    assert len(set(texts.values())) == 3


def test_counts_are_live(mkt, viewer):
    def count():
        text = picture(viewer, format='mermaid', counts='true').text
        line = next(line for line in text.splitlines() if line.endswith('as s_open'))
        return int(line.split('<br/>')[1].split(' ')[0].split('"')[0])
    before = count()
    lead = mkt.make('leads', last_name='Counted')
    assert count() == before + 1
    contact(mkt, lead['id'])
    assert count() == before
    assert ET.fromstring(picture(viewer, counts='true').content) is not None


def test_what_cannot_be_drawn_is_refused(viewer, anonymous):
    problem(viewer.get(f'/v1/blueprints/{UNKNOWN}/diagram'), 404, 'not_found')
    problem(viewer.get('/v1/blueprints/nonsense/diagram'), 404, 'not_found')
    version = version_of(viewer, 'lead_default')
    problem(viewer.get(f'/v1/blueprints/{version}/diagram', params={'format': 'png'}), 400, 'invalid_parameter')
    problem(anonymous.get(f'/v1/blueprints/{version}/diagram'), 401, 'unauthenticated')
