"""The page about problems: every code is there, with what comes with it, and is provoked by a test."""
import re

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
