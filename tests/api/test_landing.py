"""The sample landing page: what it says is what a browser posts, and it arrives."""
import re
import uuid
from html.parser import HTMLParser

import pytest

from helpers import everything, problem

THANKS = 'https://www.example.com/thanks'
LEAD = {'first_name': 'Łucja', 'last_name': 'O\'Neil & "Co"', 'phone': '+48 22 602 60 30', 'company': 'Żuraw',
        'need': 'two cranes\nby May'}
PLACEHOLDERS = '/v1/intake/YOUR-FORM?key=YOUR-KEY'


class Forms(HTMLParser):
    """The forms of a page, with their fields and the words beside them, as a browser sees them."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.label, self.comments = {}, None, []
        self.feed(text)

    def handle_comment(self, data):
        self.comments.append(data)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == 'form':
            self.form = {**attrs, 'fields': {}}
            self.forms[attrs['id']] = self.form
        elif tag == 'label':
            self.label = {'text': '', **attrs}
        elif tag in ('input', 'textarea'):
            self.form['fields'][attrs['name']] = {'type': 'text', **attrs, 'label': self.label}

    def handle_data(self, data):
        if self.label:
            self.label['text'] += data

    def handle_endtag(self, tag):
        if tag == 'label':
            self.label['text'] = self.label['text'].strip()
            self.label = None


def filled(form, **typed):
    """What a browser sends of a form that somebody filled in and ticked."""
    assert set(typed) <= set(form['fields']), form['fields'].keys()
    return {name: typed.get(name, f['value'] if f['type'] in ('hidden', 'checkbox') else '') for name, f in form['fields'].items()}


@pytest.fixture
def page(admin, anonymous, number):
    """The page of a form that was made from the words of the page."""
    plain = Forms(anonymous.get('/docs/landing').text).forms['plain']['fields']
    trap = next(name for name, f in plain.items() if f['label'] and f['label'].get('class') == 'trap')
    form = admin.make('intake-forms', form=f'landing_{number}', name='Landing', source='web', campaign='autumn',
                      fields=[name for name in plain if not name.startswith('utm_') and name not in (trap, 'consent')],
                      required=['email'], honeypot=trap, redirect_url=THANKS, consent_version='1', consent_required=True,
                      consent_text=plain['consent']['label']['text'])
    answer = anonymous.get('/docs/landing', params={'form': form['form'], 'key': form['key']})
    assert (answer.status_code, answer.headers['Content-Type']) == (200, 'text/html; charset=utf-8')
    return {'form': form, 'trap': trap, 'answer': answer, **Forms(answer.text).forms}


def newest(admin, page):
    return admin.get('/v1/intake-submissions', params={'form': page['form']['form'], 'sort': '-received_at'}).json()['items'][0]


@pytest.mark.parametrize('encoding', ['application/x-www-form-urlencoded', 'multipart/form-data'])
def test_what_the_browser_posts_becomes_a_lead(admin, anonymous, mkt, page, encoding, rows):
    plain = page['plain']
    assert (plain['method'], plain['action']) == ('post', f'/v1/intake/{page["form"]["form"]}?key={page["form"]["key"]}')
    mail = f'landing-{uuid.uuid4().hex[:8]}@sluice.test'
    sent = filled(plain, email=mail, **LEAD)
    if encoding == 'multipart/form-data':
        answer = anonymous.post(plain['action'], files={name: (None, value) for name, value in sent.items()})
    else:
        answer = anonymous.post(plain['action'], data=sent)
    assert (answer.status_code, answer.headers['Location']) == (303, THANKS)
    kept = newest(admin, page)
    assert kept['outcome'] in ('created', 'duplicate_of'), 'everybody here has one name'
    assert (kept['content_type'], kept['extra']) == (encoding, None)
    lead = mkt.read('leads', kept['lead_id'])
    assert {name: lead[name] for name in LEAD} == LEAD
    assert (lead['email'], lead['source'], lead['campaign'], lead['utm'], lead['extra']) == (mail, 'web', 'autumn', None, None)
    touch = mkt.get(f'/v1/leads/{lead["id"]}/touches').json()['items'][0]
    assert (touch['consent']['version'], touch['consent']['text']) == ('1', 'I agree to be called about my enquiry.')


def test_a_robot_leaves_no_lead_and_nobody_else_without_consent(admin, anonymous, page, rows):
    plain, before = page['plain'], everything(rows)
    sent = filled(plain, email='robot@sluice.test', **{page['trap']: 'https://spam.example'})
    answer = anonymous.post(plain['action'], data=sent)
    assert (answer.status_code, answer.headers['Location']) == (303, THANKS)
    assert (newest(admin, page)['outcome'], newest(admin, page)['reason']) == ('refused', 'honeypot')
    unticked = filled(plain, email='person@sluice.test')
    del unticked['consent']
    assert anonymous.post(plain['action'], data=unticked).status_code == 422
    assert everything(rows)['lead'] == before['lead']
    assert page['plain']['fields'][page['trap']]['tabindex'] == '-1', 'people do not get there'


def test_what_the_script_posts(admin, anonymous, mkt, page):
    """As the page's script does it: JSON, then the visit."""
    scripted = page['scripted']
    assert scripted['action'] == page['plain']['action']
    assert set(scripted['fields']) <= set(page['plain']['fields']), 'one form takes both'
    mail, key = f'script-{uuid.uuid4().hex[:8]}@sluice.test', {'Idempotency-Key': '1a2b-3c4d'}
    first, again = [anonymous.post(scripted['action'], json=filled(scripted, email=mail, last_name='S'), headers=key) for _ in '12']
    assert (first.status_code, again.json()) == (201, first.json())
    form = page['form']
    assert anonymous.post('/v1/events', json={
        'form': form['form'], 'key': form['key'], 'submission_id': first.json()['submission_id'], 'event_id': '1a2b-3c4d',
        'url': 'http://127.0.0.1/docs/landing', 'title': 'Ask for an offer'}).status_code == 204
    visits = mkt.get('/v1/activities', params={'lead': first.json()['id']}).json()['items']
    assert [(v['kind'], v['outcome'], v['subject']) for v in visits] == [('other', 'page_visit', 'Ask for an offer')]
    script = re.search('<script>(.*)</script>', page['answer'].text, re.S).group(1)
    for word in ('/v1/events', 'submission_id', 'event_id', 'Idempotency-Key'):
        assert word in script
    assert 'YOUR-' not in script and form['key'] not in script, 'its hash is known before'


def test_the_page_without_a_form_has_placeholders(anonymous):
    whole = anonymous.get('/docs/landing')
    read = Forms(whole.text)
    assert [f['action'] for f in read.forms.values()] == [PLACEHOLDERS] * 2
    assert 'YOUR-FORM and YOUR-KEY' in read.comments[0]
    assert anonymous.get('/docs/landing', headers={'If-None-Match': whole.headers['ETag']}).status_code == 304
    policy = whole.headers['Content-Security-Policy']
    assert "form-action 'self' http: https:" in policy and "default-src 'none'" in policy, 'the redirect leads elsewhere'
    assert "form-action 'none'" in anonymous.get('/docs').headers['Content-Security-Policy']


def test_only_names_get_into_the_page(anonymous, page):
    for wrong in ({'form': '"><script>'}, {'key': '"><script>alert(1)</script>'}, {'key': 'ik_x'}, {'form': 'Upper'}, {'more': '1'}):
        problem(anonymous.get('/docs/landing', params=wrong), 400, 'invalid_parameter')
    whole, filled_in = anonymous.get('/docs/landing'), page['answer']
    assert whole.headers['ETag'] != filled_in.headers['ETag']
    assert whole.text.replace(PLACEHOLDERS, page['plain']['action']) == filled_in.text


def test_the_shipped_form_takes_the_page_as_it_is(daemon, anonymous, mkt):
    action = Forms(anonymous.get('/docs/landing', params={k: daemon.intake[k] for k in ('form', 'key')}).text).forms['plain']
    answer = anonymous.post(action['action'], data=filled(action, email=f'shipped-{uuid.uuid4().hex[:8]}@sluice.test', **LEAD))
    assert answer.status_code == 201, answer.text
    lead = mkt.read('leads', answer.json()['id'])
    assert {name: lead[name] for name in LEAD} == LEAD
