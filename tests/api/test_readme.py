"""The README is right: its story is run as it stands there, line by line, and its settings are the daemon's."""
import os
import re
import subprocess

from contract import ROOT
from daemon import binary

MARK = '--- block '
README = (ROOT / 'README.md').read_text(encoding='utf-8')


def story():
    """The bash blocks of the story with what must be printed by each (None: anything)."""
    section = re.search(r'^## The story\n(.*?)^## ', README, re.S | re.M)[1]
    fences = re.findall(r'^```(\w+)\n(.*?)^```\n(?=(?:```text\n(.*?)^```)?)', section, re.S | re.M)
    return [(code, printed or None) for language, code, printed in fences if language == 'bash']


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


def test_story(new_daemon):
    """One bash session against a fresh daemon, stopped by the first command that fails."""
    daemon, blocks = new_daemon(), story()
    assert len(blocks) > 15
    script = 'set -euo pipefail\n' + ''.join(f"echo '{MARK}{i}'\n{code}\n" for i, (code, _) in enumerate(blocks))
    run = subprocess.run(['bash', '-c', script], cwd=daemon.folder, capture_output=True, text=True, timeout=120, check=False)
    printed = run.stdout.split(MARK)[1:]
    wrong = []
    for (code, expected), chunk in zip(blocks, printed):
        got = lines(chunk.split('\n', 1)[1])
        if expected is not None and got != lines(expected):
            wrong.append(f'{code}\nmust print\n{expected}\nprinted\n' + '\n'.join(got))
    assert run.returncode == 0, f'{blocks[len(printed) - 1][0]}\nfailed with {run.returncode}: {run.stderr}'
    assert not wrong, '\n\n'.join(wrong)


def test_settings():
    """The table has every setting with its default."""
    env = {k: v for k, v in os.environ.items() if not k.startswith('SLUICE_')}
    shown = subprocess.run([binary(), '--check-config'], env=env, capture_output=True, text=True, check=True).stdout
    defaults = dict(re.findall(r'^(\w+) += (.*?) +# default$', shown, re.M))
    defaults['data_dir'] = './sluice-data'  # root has another one
    rows = re.findall(r'^\| `SLUICE_(\w+)` \|(.*?)\|', README, re.M)
    assert {name.lower(): value.strip(' `') for name, value in rows} == {k: v.strip() for k, v in defaults.items()}
