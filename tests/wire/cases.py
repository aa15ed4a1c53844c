"""The messages of cases.def for tests that are not in C."""
import re
from pathlib import Path
from typing import NamedTuple

TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([A-Za-z_0-9]+)|([(),])|/\*.*?\*/|\s+', re.S)
ESCAPE = re.compile(r'\\(x[0-9a-fA-F]+|[0-7]{1,3}|.)', re.S)
LETTER = {'r': '\r', 'n': '\n', 't': '\t', 'v': '\v', 'a': '\a', '\\': '\\', '"': '"', "'": "'"}


class Case(NamedTuple):
    name: str
    sent: bytes
    accepted: bool
    error: str      # '' when accepted
    rest: int       # bytes behind the message


def unescape(text):
    def one(match):
        e = match.group(1)
        if e[0] == 'x':
            return chr(int(e[1:], 16))
        return chr(int(e, 8)) if e[0].isdigit() else LETTER[e]
    return ESCAPE.sub(one, text)


def joined(words, macros):
    """A sequence of literals and macros as C would put it together."""
    return ''.join(unescape(text) if text is not None else macros[name] for text, name in words)


def cases():
    source = Path(__file__).with_name('cases.def').read_text()
    macros, rows = {}, []
    for line in source.splitlines():
        if line.startswith('#define'):
            _, name, value = line.split(' ', 2)
            macros[name] = joined(words(value), macros)
    body = '\n'.join(line for line in source.splitlines() if not line.startswith('#define'))
    for kind, arguments in calls(body):
        name, sent = joined(arguments[0], macros), joined(arguments[1], macros).encode('latin-1')
        if kind == 'YES':
            rows.append(Case(name, sent, True, '', int(arguments[3][0][1])))
        else:
            rows.append(Case(name, sent, False, arguments[2][0][1].lower(), 0))
    return rows


def words(text):
    """(literal, None) or (None, name), in order."""
    return [(m.group(1), m.group(2)) for m in TOKEN.finditer(text) if m.group(1) is not None or m.group(2)]


def calls(text):
    """YES(...) and NO(...): the kind and the words of each argument."""
    kind, arguments = None, None
    for m in TOKEN.finditer(text):
        literal, name, mark = m.groups()
        if arguments is None:
            if name in ('YES', 'NO'):
                kind = name
            elif mark == '(' and kind:
                arguments = [[]]
        elif mark == ')':
            yield kind, arguments
            kind = arguments = None
        elif mark == ',':
            arguments.append([])
        elif literal is not None or name:
            arguments[-1].append((literal, name))
