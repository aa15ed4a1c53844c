#!/usr/bin/python3
"""check_tree - the walls between the modules, and the order in the house.

Includes follow the arrows of ARCHITECTURE.md, vendors stay where they were granted, every header compiles
alone, every source is in meson.build, no file is too long, nothing stands at the top that does not belong
there, and a few functions and words are used nowhere.
"""
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from tree import ROOT, Findings, files, read

# module: (modules whose headers it may include, vendors, generated headers)
MODULES = {
    'base': ('', '', ''),
    'conf': ('base', '', ''),
    'json': ('base', 'jansson yaml', ''),
    'crypto': ('base', 'jansson openssl jwt argon2', ''),
    'loop': ('base conf', 'event', ''),
    'db': ('base conf loop', 'pq event', 'queries'),
    'dns': ('base loop', 'cares event', ''),
    'blueprint': ('base json', 'jansson pcre2', ''),
    'sheet': ('base', 'zip expat xlsxwriter', ''),
    'quality': ('base json', 'jansson idn2 psl unistring', ''),
    'call': ('base json crypto loop db', 'jansson', 'permissions queries'),
    'service': ('base json crypto loop dns call blueprint quality sheet', 'jansson', 'permissions queries asks schemas contract pages'),
    'http': ('base conf json loop call', 'event openssl jansson', 'permissions'),
    'job': ('base json crypto loop call service', 'jansson curl', 'permissions queries asks'),
}
# rooms of lib/service: (rooms whose headers each may include)
ROOMS = {
    'record': '',
    'process': 'record',
    'design': 'record',
    'lead': 'record process',
    'intake': 'record process',
    'import': 'record process',
    'people': 'record',
    'resource': 'record',
}
VENDORS = {'event2/': 'event', 'jansson.h': 'jansson', 'yaml.h': 'yaml', 'openssl/': 'openssl', 'jwt.h': 'jwt', 'argon2.h': 'argon2',
           'ares.h': 'cares', 'libpq-fe.h': 'pq', 'pg_config': 'pq', 'curl/': 'curl', 'postgres': 'pq', 'catalog/': 'pq', 'pcre2.h': 'pcre2',
           'idn2.h': 'idn2', 'libpsl.h': 'psl', 'unicase.h': 'unistring', 'unictype.h': 'unistring',
           'uninorm.h': 'unistring', 'unistr.h': 'unistring', 'zip.h': 'zip', 'expat.h': 'expat', 'xlsxwriter': 'xlsxwriter'}
TOP = {'cmd', 'lib', 'sql', 'api-spec', 'tests', 'docker', '.ci', 'meson.build', 'meson_options.txt', 'README.md',
       'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', '.clang-format', '.clang-tidy',
       '.gitignore', '.gitattributes', '.dockerignore'}
BANNED = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|sscanf|strtok|alloca|system|tmpnam|mktemp)\s*\(')
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
LONG, TOO_LONG = 500, 700
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def code_only(text):
    """Returns C without comments and strings, of the same length in lines."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, lambda m: '\n' * m[0].count('\n') or ' ', text, flags=re.S)


def check_includes(found, path, text):
    module = path.parts[1]
    if module not in MODULES:
        found.add(path, f'"{module}" is no module; the table stands in tests/meta/check_tree.py and ARCHITECTURE.md')
        return
    modules, vendors, generated = (words.split() for words in MODULES[module])
    for m in INCLUDE.finditer(text):
        where, name = f'{path}:{line_of(text, m.start())}', m[2]
        if m[1] == '<':
            vendor = next((v for prefix, v in VENDORS.items() if name.startswith(prefix)), None)
            if vendor and vendor not in vendors:
                found.add(where, f'{module} may not use {vendor}')
        elif name.endswith('.gen.h'):
            if name[:-len('.gen.h')] not in generated:
                found.add(where, f'{module} may not include {name}')
        elif '/' not in name:
            found.add(where, f'write "module/{name}"')
        elif name.split('/')[0] not in [module, *modules]:
            found.add(where, f'{module} may not include {name.split("/")[0]}; it may include {", ".join(modules) or "nothing"}')
        elif module == name.split('/')[0] == 'service':
            check_room(found, where, path.parts[2], name.split('/')[1])


def check_room(found, where, room, other):
    """The same between the rooms of lib/service."""
    if room not in ROOMS:
        found.add(where, f'"{room}" is no room of lib/service; the table stands in tests/meta/check_tree.py and ARCHITECTURE.md')
    elif other not in [room, *ROOMS[room].split()]:
        found.add(where, f'service/{room} may not include service/{other}; it may include {ROOMS[room] or "nothing"}')


def check_text(found, path, text):
    lines = text.count('\n')
    if lines > TOO_LONG:
        found.add(path, f'{lines} lines; {TOO_LONG} is the limit, {LONG} the aim')
    elif lines > LONG:
        print(f'{path}: note: {lines} lines; {LONG} is the aim')
    for m in UNFINISHED.finditer(text):
        if path.name != 'check_tree.py':
            found.add(f'{path}:{line_of(text, m.start())}', f'unfinished: {m[0]}')
    if path.suffix in ('.c', '.h'):
        code = code_only(text)
        for m in BANNED.finditer(code):
            found.add(f'{path}:{line_of(code, m.start())}', f'{m[1]}() is not used here')


def generate(folder):
    """Makes the generated headers, so that those that include them compile."""
    queries = sorted(map(str, (ROOT / 'sql/queries').glob('*.sql')))
    subprocess.run([ROOT / 'cmd/gen/sqlgen.py', folder, *queries], check=True)
    subprocess.run([ROOT / 'cmd/gen/routegen.py', folder, ROOT / 'api-spec/openapi.yaml'], check=True)
    subprocess.run([ROOT / 'cmd/gen/embed.py', 'bytes', f'{folder}/pages.gen.c', f'{folder}/pages.gen.h',
                    f'page_docs={ROOT}/api-spec/docs.html', f'page_problems={ROOT}/api-spec/problems.md',
                    f'page_designing={ROOT}/api-spec/designing.md',
                    f'page_importing={ROOT}/api-spec/importing.md',
                    f'page_reliability={ROOT}/api-spec/reliability.md'], check=True)


def check_headers(found):
    with tempfile.TemporaryDirectory() as folder:
        generate(folder)
        pg = subprocess.run(['pkg-config', '--cflags-only-I', 'libpq'], capture_output=True, text=True, check=True)

        def compile_alone(path):
            return path, subprocess.run(
                ['gcc', '-std=gnu17', '-D_GNU_SOURCE=', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-I', 'lib', '-I', 'cmd',
                 '-I', 'tests/unit', '-I', folder, *pg.stdout.split(), '-x', 'c', '-'],
                input=f'#include "{path}"\n#include "{path}"\n', cwd=ROOT, capture_output=True, text=True, check=False)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, done in pool.map(compile_alone, files('.h')):
                if done.returncode != 0:
                    found.add(path, 'does not compile alone\n' + done.stderr)


def check_lists(found):
    """meson.build names every file: a forgotten test is a test that never runs."""
    listed = read('meson.build')
    for path in files('.c', '.sql'):
        if path.parts[0] == 'sql' or path.parts[0] in ('lib', 'cmd'):
            if f"'{path}'" not in listed:
                found.add(path, 'is not in meson.build')
        elif path.parts[:2] in (('tests', 'unit'), ('tests', 'fuzz')):
            name = path.stem.split('_', 1)[-1]
            if f"'{name}'" not in listed and f"'{path}'" not in listed:
                found.add(path, 'is not in meson.build')


def main():
    found = Findings()
    for path in files('.c', '.h', under='lib/'):
        check_includes(found, path, read(path))
    for path in files('.c', '.h', '.py', '.sql', '.def', '.sh', '.md', '.build'):
        check_text(found, path, read(path))
    for name in sorted({path.parts[0] for path in files()} - TOP):
        found.add(name, 'does not belong at the top of the tree')
    check_lists(found)
    check_headers(found)
    found.end('tree')


main()
