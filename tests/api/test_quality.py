"""Properties of the normalisers: what is written differently and means the same has one key, a key is its own key,
checksums notice. Other programs serve as a second opinion: python3-phonenumbers, python3-stdnum, PostgreSQL."""
import json
import random
import string
import subprocess
import unicodedata
from importlib import import_module
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from daemon import binary

OFTEN = settings(deadline=None, derandomize=True, database=None, max_examples=400,
                 suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

ANY = st.text(st.characters(blacklist_categories=('Cs',)), max_size=60)
LETTERS = string.ascii_letters + 'ąćęłńóśźżÄÖÜßéèêçñøåæœřšžőűăâțđþабвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ'
WORD = st.text(LETTERS, min_size=2, max_size=12)
WORDS = st.lists(WORD, min_size=1, max_size=5).map(' '.join)
FORMS = ['Sp. z o.o.', 'sp. z o. o.', 'S.A.', 'Sp. k.', 'spółka jawna', 'GmbH', 'GmbH & Co. KG', 'Ltd.', 'LLC', 'Inc.', 'SARL',
         'S.A.S.', 'ООО', 'ОАО', 'B.V.', 's.r.o.', 'S.p.A.', 'Oy', 'A/S', 'SE']


@pytest.fixture(scope='module')
def ask():
    """Asks the library one thing: ask('phone', '22 123 45 67', 'PL')."""
    tool = subprocess.Popen([Path(binary()).parent / 'quality_lines'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, encoding='utf-8')

    def one(*line):
        tool.stdin.write(json.dumps(line) + '\n')
        tool.stdin.flush()
        answer = tool.stdout.readline()
        assert answer, f'the tool died of {line!r}'
        return json.loads(answer)
    yield one
    tool.stdin.close()
    assert tool.wait(timeout=20) == 0


def key_of(ask, kind, text, country=None):
    """The key alone, whatever shape the answer has."""
    answer = ask(kind, text, country) if country else ask(kind, text)
    if isinstance(answer, dict):
        return answer.get('key', answer.get('name'))
    return answer or ''


@pytest.mark.parametrize('kind', ['fold', 'name', 'tax_id', 'phone', 'email', 'web', 'street', 'postcode', 'city'])
@OFTEN
@given(ANY | WORDS)
def test_a_key_is_its_own_key(ask, kind, text):
    key = key_of(ask, kind, text)
    assert key_of(ask, kind, key) == key


@OFTEN
@given(WORDS, st.sampled_from(FORMS))
@example('Foo a i g', 'SE')
def test_a_name_with_a_legal_form_is_its_own_key(ask, words, form):
    key = ask('name', f'{words} {form}')
    assert ask('name', key) == key
    assert key


@OFTEN
@given(st.lists(WORD, min_size=2, max_size=4), st.sampled_from(FORMS))
def test_legal_forms_make_no_difference(ask, words, form):
    name = 'x' + ' '.join(words) + 'q'  # neither end is a form by itself
    assert ask('name', f'{name} {form}') == ask('name', name)
    assert ask('name', f'{name} {form.upper()}') == ask('name', name)
    assert ask('name', f'{name}, {form.replace(".", ". ")}') == ask('name', name)


@pytest.mark.parametrize('kind', ['fold', 'name', 'street', 'city'])
@OFTEN
@given(WORDS)
def test_case_and_composition_make_no_difference(ask, kind, text):
    for other in (text.upper(), text.lower(), unicodedata.normalize('NFD', text), unicodedata.normalize('NFKC', text)):
        assert key_of(ask, kind, other) == key_of(ask, kind, text)


@pytest.mark.parametrize('kind', ['fold', 'name', 'street', 'city'])
@OFTEN
@given(st.lists(WORD, min_size=1, max_size=5), st.sampled_from([' ', '  ', ' - ', ', ', '. ', '\t', ' „', '” ', '\u00a0', ' / ']))
def test_punctuation_makes_no_difference(ask, kind, words, gap):
    assert key_of(ask, kind, gap.join(words)) == key_of(ask, kind, ' '.join(words))


@OFTEN
@given(st.text('abcdeghłąéüšžij ', min_size=1, max_size=30))
def test_diacritics_make_no_difference(ask, text):
    plain = ''.join(c for c in unicodedata.normalize('NFD', text.replace('ł', 'l')) if not unicodedata.combining(c))
    assert ask('name', plain) == ask('name', text)
    assert ask('fold', plain) == ask('fold', text)


@OFTEN
@given(WORDS, WORDS)
def test_people_have_no_order(ask, first, last):
    assert ask('person', first, last) == ask('person', last, first) == ask('person', '', f'{last}, {first}')
    assert ask('person', ask('person', first, last), '') == ask('person', first, last)


@OFTEN
@given(st.text(string.ascii_letters + string.digits + '._-', min_size=1, max_size=20), st.text(string.ascii_lowercase, max_size=8))
def test_addresses_of_a_mailbox_are_one(ask, local, tag):
    answer = ask('email', f'{local}@Acme.PL')
    if local[0] == '.' or local[-1] == '.' or '..' in local:
        assert answer is None
        return
    assert answer == {'key': f'{local.lower()}@acme.pl', 'domain': 'acme.pl', 'free': False}
    assert ask('email', f' {local.upper()}+{tag}@ACME.pl.') == answer


@OFTEN
@given(st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=10), min_size=1, max_size=3),
       st.sampled_from(['', 'http://', 'HTTPS://', '//', 'ftp://me@']), st.sampled_from(['', '/', ':80', '/a/b?c#d', '?q=/x', '.']))
def test_a_site_has_one_domain(ask, labels, scheme, rest):
    host = '.'.join(labels)
    assert ask('web', f'{scheme}www.{host}.acme.com.pl{rest}') == 'acme.com.pl'


SECOND_OPINION = {
    'AT': 'at.uid', 'CY': 'cy.vat', 'DE': 'de.vat', 'DK': 'dk.cvr', 'EE': 'ee.kmkr', 'EL': 'gr.vat', 'FI': 'fi.alv',
    'HR': 'hr.oib', 'HU': 'hu.anum', 'IT': 'it.iva', 'LU': 'lu.tva', 'MT': 'mt.vat', 'NL': 'nl.btw', 'NO': 'no.orgnr',
    'PL': 'pl.nip', 'PT': 'pt.nif', 'RU': 'ru.inn', 'SE': 'se.vat', 'SI': 'si.ddv', 'FR': 'fr.tva', 'IE': 'ie.vat'}
SHAPES = {
    'AT': 'U99999999', 'CY': '99999999A', 'DE': '999999999', 'DK': '99999999', 'EE': '999999999', 'EL': '999999999',
    'FI': '99999999', 'HR': '99999999999', 'HU': '99999999', 'IT': '99999999999', 'LU': '99999999', 'MT': '99999999',
    'NL': '999999999B01', 'NO': '999999999', 'PL': '9999999999', 'PT': '999999999', 'RU': '9999999999', 'SE': '999999999901',
    'SI': '99999999', 'FR': '99999999999', 'IE': '9999999A'}
STRONG = ['AT', 'DE', 'DK', 'EE', 'FI', 'HR', 'HU', 'LU', 'MT', 'NO', 'PL']  # notice every single wrong digit


def shaped(shape, chance):
    pick = {'9': string.digits, 'A': string.ascii_uppercase}
    return ''.join(chance.choice(pick[c]) if c in pick else c for c in shape)


@pytest.mark.parametrize('country', sorted(SHAPES))
def test_checksums_are_those_of_another_program(ask, country):
    other = import_module('stdnum.' + SECOND_OPINION[country])
    chance = random.Random(country)
    valid = 0
    for i in range(20000):
        if i >= 1500 and valid >= 3:  # both answers were seen
            break
        number = shaped(SHAPES[country], chance)
        if country == 'PL' and number.startswith('0'):  # no NIP
            continue
        answer = ask('tax_id', country + number)
        assert (answer['verdict'] == 'valid') == other.is_valid(number), number
        assert answer['key'] == country + number
        valid += answer['verdict'] == 'valid'
    assert valid >= 3


@pytest.mark.parametrize('country', STRONG)
def test_one_wrong_digit_is_noticed(ask, country):
    chance = random.Random(country)
    seen = 0
    while seen < 8:
        number = shaped(SHAPES[country], chance)
        if ask('tax_id', country + number)['verdict'] != 'valid' or number.startswith('000'):
            continue
        seen += 1
        for i, c in enumerate(number):
            for digit in string.digits if c.isdigit() else '':
                wrong = number[:i] + digit + number[i + 1:]
                if digit != c and not wrong.startswith('000'):
                    assert ask('tax_id', country + wrong)['verdict'] == 'wrong', (number, wrong)


@OFTEN
@given(st.integers(0, 10**10 - 1).map('{:010}'.format), st.sampled_from(['', ' ', '-', '.', '\u2009']))
def test_a_tax_number_is_one_however_it_is_parted(ask, digits, gap):
    plain = ask('tax_id', digits, 'PL')
    assert plain['key'] == 'PL' + digits
    for text in (gap.join(digits), f'PL{gap}{digits}', f'NIP: {digits[:3]}{gap}{digits[3:]}', f'pl {digits}'):
        assert ask('tax_id', text, 'PL') == plain


MAIN = ['PL', 'DE', 'AT', 'CH', 'FR', 'BE', 'NL', 'LU', 'GB', 'IE', 'IT', 'ES', 'PT', 'DK', 'SE', 'NO', 'FI', 'EE', 'LV', 'LT',
        'CZ', 'SK', 'HU', 'RO', 'BG', 'GR', 'CY', 'MT', 'SI', 'HR', 'RU', 'UA', 'BY', 'US', 'CA', 'TR']
KINDS = [phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE,
         phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE]
FORMATS = [phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL,
           phonenumbers.PhoneNumberFormat.RFC3966, phonenumbers.PhoneNumberFormat.E164]


def numbers_of(country, chance):
    """Numbers that libphonenumber takes for valid ones of the country."""
    for kind in KINDS:
        sample = phonenumbers.example_number_for_type(country, kind)
        for _ in range(30 if sample else 0):
            text = phonenumbers.national_significant_number(sample)
            kept = chance.randint(3, len(text) - 1)
            text = text[:kept] + shaped('9' * (len(text) - kept), chance)
            number = phonenumbers.PhoneNumber(country_code=sample.country_code, national_number=int(text),
                                              italian_leading_zero=True if text[0] == '0' else None)
            if phonenumbers.is_valid_number_for_region(number, country):
                yield number


@pytest.mark.parametrize('country', MAIN)
def test_phones_agree_with_libphonenumber(ask, country):
    """All of them: each valid subscriber's number, in each way in which it is written at home and abroad."""
    abroad = 'US' if country == 'PL' else 'PL'
    seen = 0
    for number in numbers_of(country, random.Random(country)):
        expected = {'key': phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), 'valid': True}
        texts = [(phonenumbers.format_number(number, form), country) for form in FORMATS]
        texts.append((phonenumbers.format_out_of_country_calling_number(number, abroad), abroad))
        texts.append((texts[0][0] + ' ext. 12', country))
        for text, home in texts:
            answer = ask('phone', text, home)
            assert {k: answer[k] for k in expected} == expected, (text, home)
            seen += 1
    assert seen >= 60


@OFTEN
@given(st.lists(st.tuples(st.sampled_from('0123456789'), st.sampled_from(['', ' ', '-', '.', '/'])), min_size=9, max_size=9))
def test_a_phone_is_one_however_it_is_parted(ask, pairs):
    digits = ''.join(d for d, _ in pairs)
    parted = ''.join(d + gap for d, gap in pairs)
    assert ask('phone', parted, 'FR') == ask('phone', digits, 'FR')
    assert ask('phone', '+48 ' + parted, 'FR')['key'] == '+48' + digits


def test_similarity_is_that_of_postgresql(ask, db):
    chance = random.Random(1)
    parts = ['acme', 'polska', 'poland', 'systems', 'system', 'al', 'a', 'bud', 'trans', '24', 'x1', 'żółw', 'łódź', 'λόγος', '日本語']
    pairs = [(' '.join(chance.choices(parts, k=chance.randint(1, 4))), ' '.join(chance.choices(parts, k=chance.randint(0, 4))))
             for _ in range(300)]
    with db.cursor() as cursor:
        for a, b in pairs:
            cursor.execute('select sluice.similarity(%s, %s) as s', (a, b))
            assert ask('similarity', a, b) == pytest.approx(cursor.fetchone()['s'], abs=1e-6), (a, b)


def typo(text, chance):
    """One of: letters swapped, a letter lost, a word more."""
    i = chance.randrange(len(text) - 1)
    return chance.choice([text[:i] + text[i + 1] + text[i] + text[i + 2:], text[:i] + text[i + 1:], text + ' polska'])


def bits_apart(a, b):
    return bin(int(a['print'], 16) ^ int(b['print'], 16)).count('1')


def test_bands_find_what_is_alike(ask):
    """Of names with a similarity of 0.6 and more, at least 99 of 100 meet (typos of one person, not adversaries), and their
    prints never say that they are more different than they are."""
    chance = random.Random(7)
    met = tried = strangers = told = 0
    for _ in range(600):
        name = ' '.join(''.join(chance.choices(string.ascii_lowercase, k=chance.randint(4, 10))) for _ in range(chance.randint(2, 4)))
        other = typo(name, chance)
        mine, its = ask('minhash', name), ask('minhash', other)
        alike = ask('similarity', name, other)
        most = (mine['trigrams'] + its['trigrams']) * (1 - alike) / (1 + alike)
        assert bits_apart(mine, its) <= most + 1e-3, (name, other)
        if alike >= 0.6:
            tried += 1
            met += bool(set(mine['bands'] + mine['probes']) & set(its['bands']))
        stranger = ask('minhash', name[::-1] + 'q')
        strangers += bool(set(mine['bands'] + mine['probes']) & set(stranger['bands']))
        told += bits_apart(mine, stranger) > (mine['trigrams'] + stranger['trigrams']) * 0.25
    assert tried > 300
    assert met >= 0.99 * tried
    assert strangers <= 6
    assert told >= 590
