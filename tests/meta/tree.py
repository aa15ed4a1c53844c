"""tree - what the meta tests share: the files of the tree, and a list of findings."""
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'cmd' / 'gen'))


def files(*suffixes, under=''):
    """Returns the paths (relative to the root) of all files of the project with one of the suffixes."""
    git = shutil.which('git') or 'false'
    listed = subprocess.run([git, 'ls-files', '--cached', '--others', '--exclude-standard'], cwd=ROOT,
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.split('\n')
    else:  # an unpacked archive, or a clone of somebody else's
        paths = [p.relative_to(ROOT) for p in ROOT.rglob('*')]
        names = [str(p) for p in paths if p.parts[0] not in ('.git', 'build', 'sluice-data') and '__pycache__' not in p.parts]
    return sorted(Path(n) for n in set(names) if n.endswith(suffixes or '') and n.startswith(under) and (ROOT / n).is_file())


def read(path):
    return (ROOT / path).read_text(encoding='utf-8')


class Findings:
    """Collects what is wrong, so that one run shows all of it."""

    def __init__(self):
        self.count = 0

    def add(self, where, message):
        self.count += 1
        print(f'{where}: {message}')

    def end(self, what):
        print(f'{what}: {self.count or "no"} finding{"" if self.count == 1 else "s"}')
        sys.exit(1 if self.count else 0)
