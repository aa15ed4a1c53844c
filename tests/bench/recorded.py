"""recorded - the statements that the daemon sends for a request, read from PostgreSQL's log.

pgbench is the limit only if it sends the same. What the daemon sends is seen where it arrives: while a request is
repeated, PostgreSQL logs each statement with its values; those that came with every repetition are the request's.
"""
import json
import re
import time
import typing
from pathlib import Path

REPEATED = 3
ROOT = Path(__file__).resolve().parents[2]


class Statement(typing.NamedTuple):
    text: str     # with $1, $2, ...
    values: list  # texts or None
    ask: str      # statements of one ask, which is one transaction, have the same
    names: list   # of the parameters, where sql/queries says them, else $1, $2, ...


def values_of(detail):
    """The values of "parameters: $1 = 'a', $2 = NULL"."""
    found = re.findall(r"\$\d+ = (NULL|'(?:[^']|'')*')", detail or '', re.S)
    return [None if v == 'NULL' else v[1:-1].replace("''", "'") for v in found]


def plain(text):
    return ' '.join(line.split('--')[0] for line in text.split('\n')).split()


def queries():
    """The names of parameters by what a query of sql/queries looks like in the log."""
    known = {}
    for path in (ROOT / 'sql' / 'queries').glob('*.sql'):
        for part in re.split(r'(?m)^-- query: ', path.read_text())[1:]:
            names = re.findall(r'(?m)^-- in: *(\w+)', part)
            text = '\n'.join(line for line in part.split('\n')[1:] if not line.startswith('--')).strip().rstrip(';')
            for i, name in enumerate(names):
                text = re.sub(rf'(?<!:):{name}\b', f'${i + 1}', text)
            known[' '.join(plain(text))] = names
    return known


class Recorder:
    def __init__(self, db, log_folder):
        self.db, self.folder, self.known = db, Path(log_folder), queries()
        self.marks = 0

    def set(self, **settings):
        with self.db.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute(f'alter system set {name} = %s' if value else f'alter system reset {name}',
                               (value,) if value else ())
            cursor.execute('select pg_reload_conf()')

    def lines(self):
        for path in sorted(self.folder.glob('*.json')):
            for line in path.read_text(errors='replace').splitlines():
                if line.endswith('}'):
                    yield json.loads(line)

    def mark(self, name):
        """How many lines the log has, with the last one being from now."""
        self.marks += 1
        marker = f'bench {name} {self.marks}'
        deadline = time.monotonic() + 20
        while True:
            with self.db.cursor() as cursor:
                cursor.execute(f"select '{marker}'")
            for i, e in enumerate(self.lines()):
                if marker in e.get('message', ''):
                    return i
            assert time.monotonic() < deadline, 'PostgreSQL does not log'
            time.sleep(0.05)

    def record(self, request):
        """What the daemon sends for request(), the last time that it was repeated."""
        self.set(log_destination='jsonlog', log_statement='all', log_parameter_max_length='-1')
        first = self.mark('begin')
        for _ in range(REPEATED):
            request()
        last = self.mark('end')
        entries = [e for e in list(self.lines())[first:last]
                   if e.get('application_name') == 'sluiced' and e.get('message', '').startswith('execute ')]
        self.set(log_destination=None, log_statement=None, log_parameter_max_length=None)
        texts = [e['message'].split(': ', 1)[1] for e in entries]
        chosen = [e for e, t in zip(entries, texts) if texts.count(t) >= REPEATED]
        # the last repetition: what comes after the last but one occurrence of each
        out, left = [], {}
        for e in reversed(chosen):
            text = e['message'].split(': ', 1)[1]
            left.setdefault(text, texts.count(text) // REPEATED)
            if left[text]:
                left[text] -= 1
                values = values_of(e.get('detail'))
                names = self.known.get(' '.join(plain(text)), [f'${i + 1}' for i in range(len(values))])
                out.append(Statement(text, values, e['vxid'], names))
        return out[::-1]
