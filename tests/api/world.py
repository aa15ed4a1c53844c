"""One thing of each kind that has an id, for tests that ask who sees and changes what."""
import uuid

from helpers import blueprint

ENTITIES = ('lead', 'account', 'contact', 'opportunity', 'activity', 'task')
LINES = ('equipment', 'invoice', 'complaint')
STATES = [('open', 'open'), ('granted', 'won')]


def word():
    return f'w{uuid.uuid4().hex[:12]}'


def records(maker, owner):
    """One record of each kind, owned by @owner (a user's id), made by @maker, who sees everything."""
    name = word()
    account = maker.make('accounts', name=f'Account {name}', owner_id=owner)
    contact = maker.make('contacts', last_name=f'Contact {name}', account_id=account['id'], owner_id=owner)
    lead = maker.make('leads', last_name=f'Lead {name}', owner_id=owner)
    made = {
        'lead': lead, 'account': account, 'contact': contact,
        'opportunity': maker.make('opportunities', name=f'Deal {name}', account_id=account['id'], owner_id=owner),
        'activity': maker.make('activities', kind='note', subject=name, lead_id=lead['id'], owner_id=owner),
        'task': maker.make('tasks', subject=name, lead_id=lead['id'], assignee_id=owner),
        'account_contact': maker.make('account-contacts', account_id=account['id'], contact_id=contact['id'], role='decision_maker'),
        'equipment': maker.make('equipment', account_id=account['id'], kind='crane'),
        'invoice': maker.make('invoices', account_id=account['id'], number=name, due_on='2030-01-01'),
        'complaint': maker.make('complaints', account_id=account['id'], subject=name)}
    return {kind: record['id'] for kind, record in made.items()}


def approval(rows, owner, voter):
    """A question that @owner (a client) has asked and @voter's user is asked."""
    process = [{'key': 'made', 'kind': 'initial', 'to': 'open'},
               {'key': 'grant', 'from': ['open'], 'to': 'granted',
                'approval': {'needed': 1, 'actors': [{'kind': 'user', 'value': voter.user['id']}]}}]
    with blueprint(rows, 'lead', f'ask_{word()}', STATES, process):
        lead = owner.make('leads', last_name='Approval', owner_id=owner.user['id'])
    answer = owner.move('leads', lead['id'], 'grant')
    assert answer.status_code == 202, answer.text
    return answer.json()['id']


def merge(owner):
    """A merge that @owner has made of leads of his own."""
    one, two = (owner.make('leads', last_name=f'Merge {word()}', owner_id=owner.user['id']) for _ in range(2))
    answer = owner.post(f'/v1/leads/{one["id"]}/merge', json={'losers': [two['id']]})
    assert answer.status_code == 201, answer.text
    return answer.json()['id']


def pair(owner):
    """Two leads of @owner's that look alike, as the pair that was noted."""
    email = f'{word()}@sluice.test'
    one, _ = (owner.make('leads', last_name='Pair', email=email, owner_id=owner.user['id']) for _ in range(2))
    return owner.get('/v1/duplicates', params={'record': one['id']}).json()['items'][0]['id']


def submission(admin, anonymous, owner_id):
    """A submission that is held, of a form whose leads belong to @owner_id."""
    form = admin.make('intake-forms', form=word(), name='World', source='world', owner_id=owner_id, fields=['email'],
                      required=['email'], on_duplicate='hold')
    email = f'{word()}@sluice.test'
    for _ in range(2):
        kept = anonymous.post(f'/v1/intake/{form["form"]}', params={'key': form['key']}, json={'email': email})
        assert kept.status_code == 202, kept.text
    return kept.json()['submission_id']


def belongings(owner, other, rows, admin, anonymous):
    """What somebody has besides records; @other is a user who may learn of it."""
    started = owner.post('/v1/leads/transitions/contacted', json={'ids': [str(uuid.uuid4()) for _ in range(101)]})
    assert started.status_code == 202, started.text
    return {
        'merge': merge(owner), 'duplicate': pair(owner), 'approval': approval(rows, owner, other),
        'submission': submission(admin, anonymous, owner.user['id']), 'job': started.json()['id'],
        'import': owner.make('imports', entity='lead')['id'],
        'deputy': owner.make('deputies', deputy_id=other.user['id'], until='2030-01-01T00:00:00Z')['id']}
