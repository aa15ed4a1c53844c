"""The page that says what is promised is served, and its commands name cases that are there."""
import re

import requests

from contract import ROOT
from worlds import HERE


def test_the_page_names_cases_that_are_there(world):
    page = (ROOT / 'api-spec' / 'reliability.md').read_text()
    assert requests.get(world.daemon.url + '/docs/reliability', timeout=10).text == page
    cases = ''.join(p.read_text() for p in HERE.glob('test_*.py') if p.name != 'test_page.py')
    names = ' '.join(a or b for a, b in re.findall(r"def (test_\w+)|Fault\('([^']+)'", cases))
    commands = re.findall(r"\| `([^`]+)` \|$", page, re.M)
    assert len(commands) == 19
    for command in commands:
        for word in command.strip("'").split(' or '):
            assert word in names, word
