#!/usr/bin/python3
"""check_docker - what can be known about the image without an engine.

usage: check_docker.py [BINARY...]

Files that are copied exist and are not ignored, Debian has the packages, the process is not root, settings
are settings of conf.def, and the libraries that the given binaries need come from the listed packages.
"""
import re
import shutil
import subprocess
import sys

from tree import ROOT, Findings, files, read  # first: it knows where cmd/gen is

import yaml

DOCKERFILE = 'docker/Dockerfile'
EVERYWHERE = {'libc6', 'libgcc-s1'}  # in debian:12-slim itself


def instructions(text):
    """Yields (instruction, rest) with continued lines joined."""
    joined = re.sub(r'\\\n\s*', ' ', '\n'.join(line for line in text.split('\n') if not line.startswith('#')))
    for line in joined.split('\n'):
        if line.strip():
            word, _, rest = line.partition(' ')
            yield word, rest


def packages_of(stage):
    for word, rest in stage:
        m = re.search(r'apt-get install (.*?)(?:&&|$)', rest) if word == 'RUN' else None
        if m:
            return [p for p in m[1].split() if not p.startswith('-')]
    return []


def check_copies(found, stage):
    allowed = set(re.findall(r'^!(\S+)', read('docker/Dockerfile.dockerignore'), re.M))
    for word, rest in stage:
        if word != 'COPY' or rest.startswith('--from'):
            continue
        for source in rest.split()[:-1]:
            if not (ROOT / source).exists():
                found.add(DOCKERFILE, f'COPY {source}: there is no such file')
            if source not in allowed:
                found.add(DOCKERFILE, f'COPY {source}: Dockerfile.dockerignore leaves it out')


def check_packages(found, names):
    if not shutil.which('apt-cache'):
        return
    for name in names:
        done = subprocess.run(['apt-cache', 'show', name], capture_output=True, check=False)
        if done.returncode != 0 and subprocess.run(['dpkg', '-s', name], capture_output=True, check=False).returncode != 0:
            found.add(DOCKERFILE, f'Debian has no package "{name}"')


def check_libraries(found, binary, names):
    """Each library that the binary itself names comes from a package of the image."""
    needed = subprocess.run(['readelf', '-d', binary], capture_output=True, text=True, check=True).stdout
    paths = dict(re.findall(r'(\S+) => (\S+)', subprocess.run(['ldd', binary], capture_output=True, text=True, check=True).stdout))
    for library in re.findall(r'\(NEEDED\).*\[(.*)\]', needed):
        path = paths.get(library, library)
        owner = ''
        for form in (path, path.removeprefix('/usr'), '*/' + library):  # /lib is a link to /usr/lib
            owner = owner or subprocess.run(['dpkg', '-S', form], capture_output=True, text=True, check=False).stdout
        package = owner.split(':')[0]
        if package not in EVERYWHERE and package not in names:
            found.add(binary, f'needs {library} of package "{package}", which the image lacks')


def check_settings(found, names):
    definition = next(iter(files('conf.def')), None)
    known = set(re.findall(r'^[A-Z]\w*\(\s*"?(\w+)"?\s*,', read(definition), re.M)) if definition else set()
    for name in names:
        if name.removeprefix('SLUICE_').lower() not in known:
            found.add('docker', f'{name} is no setting')


def check_recipe(found):
    """The machines of docker/ha: packages, copied files, settings, and that proxy and daemons agree on names."""
    place = 'docker/ha/'
    stage = list(instructions(read(place + 'Dockerfile')))
    check_packages(found, packages_of(stage))
    for word, rest in stage:
        for source in rest.split()[:-1] if word == 'COPY' else []:
            if not source.startswith('--') and not (ROOT / place / source).exists():
                found.add(place + 'Dockerfile', f'COPY {source}: there is no such file')
    services = yaml.safe_load(read(place + 'compose.yaml'))['services']
    settings = {name for s in services.values() for name in s.get('environment', {}) if name.startswith('SLUICE_')}
    check_settings(found, settings - {'SLUICE_ADMIN_PASSWORD'})
    for name in re.findall(r'^ +server \w+ (\w+):', read(place + 'haproxy.cfg'), re.M):
        if name not in services:
            found.add(place + 'haproxy.cfg', f'compose.yaml has no service "{name}"')


def main():
    found = Findings()
    stages = []
    for word, rest in instructions(read(DOCKERFILE)):
        if word == 'FROM':
            stages.append([])
        stages[-1].append((word, rest))
    final = stages[-1]
    for stage in stages:
        check_copies(found, stage)
        check_packages(found, packages_of(stage))
    users = [rest for word, rest in final if word == 'USER']
    if not users or users[-1].split(':')[0] in ('root', '0'):
        found.add(DOCKERFILE, 'the last stage runs as root')
    if not any(word == 'HEALTHCHECK' for word, _ in final):
        found.add(DOCKERFILE, 'no HEALTHCHECK')
    compose = yaml.safe_load(read('docker/compose.yaml'))
    settings = re.findall(r'\b(SLUICE_\w+)=', ' '.join(rest for word, rest in final if word == 'ENV'))
    for service in compose['services'].values():
        settings += [name for name in service.get('environment', {}) if name.startswith('SLUICE_')]
    check_settings(found, settings)
    check_recipe(found)
    for binary in sys.argv[1:]:
        check_libraries(found, binary, packages_of(final))
    found.end('docker')


main()
