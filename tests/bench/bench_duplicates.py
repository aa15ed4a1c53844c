#!/usr/bin/python3
"""bench_duplicates - how long it takes to look for duplicates of an account among a million.

usage: tests/bench/bench_duplicates.py --build build/dev [--accounts 10000,1000000] [--queries 500]

Starts a daemon on a private PostgreSQL, fills it with generated accounts whose keys bench_keys.c makes (COPY), and asks
sluice.match_find() for copies, swapped and lost letters and added words, in SQL, as the trigger of a record does.
Prints milliseconds for exact rules and for a fuzzy one (name alone, from 0.6 on, which is more than what is shipped
asks for), of each question the least of three, so that what else the machine does is not counted; and what the bands
find of an exhaustive trigram search at 0.6.
"""
import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'api'))
import psycopg2  # noqa: E402
from daemon import Daemon  # noqa: E402

TRADES = ('trans budex metal serwis gastro med auto tech pol invest dom plast agro electro logistics consulting software '
          'instal market druk foto audit eko energia hurt stal okna meble tekstyl farb').split()
FORMS = ['Sp. z o.o.', 'S.A.', 'sp.j.', 'Sp. k.', '', 'GmbH', 'Ltd']
CITIES = ('Warszawa Kraków Łódź Wrocław Poznań Gdańsk Szczecin Bydgoszcz Lublin Białystok Katowice Gdynia Radom Toruń Kielce '
          'Rzeszów Gliwice Olsztyn Opole Tychy').split()
CONSONANTS, VOWELS = 'bcdfghjklmnprstwz', 'aeiouy'


def word(r):
    out = ''
    for _ in range(r.choice((2, 3, 3, 4))):
        out += r.choice(CONSONANTS) + r.choice(VOWELS) + (r.choice(CONSONANTS) if r.random() < 0.4 else '')
    return out


def names(n):
    """Names as they are: a word of their own, often a second one, often a trade, a legal form."""
    r = random.Random(7)
    for i in range(n):
        parts = [word(r).capitalize()]
        if r.random() < 0.6:
            parts.append(word(r))
        if r.random() < 0.7:
            parts.append(r.choice(TRADES))
        yield i, ' '.join(parts), r.choice(FORMS), r.choice(CITIES)


def altered(r, name):
    kind = r.randrange(4)
    at = r.randrange(1, len(name) - 2)
    if kind == 1:
        return name[:at] + name[at + 1] + name[at] + name[at + 2:]
    if kind == 2:
        return name[:at] + name[at + 1:]
    return name + ' ' + r.choice(TRADES) if kind == 3 else name


def keys(build, lines, folder, *asks):
    """COPY files of names and keys."""
    source = folder / 'source'
    source.write_text(''.join(lines))
    with source.open() as f:
        subprocess.run([str(build / 'bench_keys'), str(folder / 'names'), str(folder / 'keys'), *asks], stdin=f, check=True)
    return folder / 'names', folder / 'keys'


def fill(db, build, n, queries):
    rows, asked, r = [], [], random.Random(11)
    chosen = set(r.sample(range(n), queries))
    for i, name, form, city in names(n):
        rows.append(f'{i:032x}\t{name} {form}\t{city}\t{i % 99:02d}-{i % 997:03d}\t{word(random.Random(i))} {i % 90 + 1}\t52{i:08d}\n')
        if i in chosen:
            asked.append(f'{i + (1 << 64):032x}\t{altered(r, name)} {r.choice(FORMS)}\t{city}\t\t\t52{i:08d}\n')
    with db.cursor() as c, tempfile.TemporaryDirectory() as folder:
        c.execute('truncate sluice.match_name, sluice.match_key')
        c.execute('drop index sluice.match_name_bands, sluice.match_name_name')
        for lines, table in ((rows, 'sluice.match_name'), (asked, 'pg_temp.query')):
            asks = table.startswith('pg_temp')
            made, exact = keys(build, lines, Path(folder), *(['probes'] if asks else []))
            if asks:
                c.execute('drop table if exists pg_temp.query, pg_temp.query_key')
                c.execute('create temp table query (like sluice.match_name)')
                c.execute('alter table query add column probes integer[]')
                c.execute('create temp table query_key (like sluice.match_key)')
            with made.open() as f:
                c.copy_expert(f"copy {table} (record_id, entity, name, city, postcode, street, bands, trigrams, print"
                              f"{', probes' if asks else ''}) from stdin", f)
            with exact.open() as f:
                c.copy_expert(f"copy {'pg_temp.query_key' if asks else 'sluice.match_key'} from stdin", f)
        c.execute('create index match_name_name on sluice.match_name (name)')
        c.execute('create index match_name_bands on sluice.match_name using gin (bands) with (fastupdate = off)')
        c.execute('analyze sluice.match_name')
        c.execute('analyze sluice.match_key')


MEASURE = '''
create or replace function pg_temp.measure(fuzzy boolean) returns setof double precision language plpgsql as $$
declare
    q record;
    sent jsonb;
    started timestamptz;
    n integer;
begin
    for q in select n.*, k.key from query n join query_key k using (record_id) order by n.record_id loop
        sent := case when fuzzy then jsonb_build_object('name', q.name, 'city', q.city, 'bands', to_jsonb(q.bands), 'probes', to_jsonb(q.probes),
                                                         'trigrams', q.trigrams, 'print', lpad(to_hex(q.print::bigint), 16, '0'), 'keys', '{}'::jsonb)
                     else jsonb_build_object('keys', jsonb_build_object('tax_id', jsonb_build_array(q.key))) end;
        started := clock_timestamp();
        select count(*) into n from sluice.match_find('account', sent, array[q.record_id]);
        return next extract(epoch from clock_timestamp() - started) * 1000;
    end loop;
end
$$'''


def measure(db, fuzzy):
    with db.cursor() as c:
        c.execute(MEASURE)
        rounds = []
        for _ in range(4):  # the first one warms the cache
            c.execute('select * from pg_temp.measure(%s)', (fuzzy,))
            rounds.append([r[0] for r in c.fetchall()])
    times = sorted(min(of_one) for of_one in zip(*rounds[1:]))
    return times[len(times) // 2], times[len(times) * 99 // 100]


def recall(db, limit=500):
    """Of what pg_trgm finds from 0.6 on, by parts of the scale: how much shares a band."""
    with db.cursor() as c:
        c.execute('create index bench_trigrams on sluice.match_name using gin (name sluice.gin_trgm_ops)')
        c.execute('set pg_trgm.similarity_threshold = 0.6')
        c.execute(f'''select width_bucket(sluice.similarity(q.name, n.name)::float8, 0.6, 1.0, 4), count(*), count(*) filter (where n.bands && (q.bands || q.probes))
                        from (select * from query order by record_id limit {limit}) q
                        join sluice.match_name n on n.name operator(sluice.%%) q.name group by 1 order by 1''', ())
        found = c.fetchall()
        c.execute('drop index sluice.bench_trigrams')
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--build', type=Path, required=True)
    p.add_argument('--accounts', default='10000,1000000')
    p.add_argument('--queries', type=int, default=500)
    o = p.parse_args()
    daemon = Daemon().start()
    try:
        db = psycopg2.connect(host=str(daemon.socket_folder), dbname='sluice', user='postgres')
        db.autocommit = True
        with db.cursor() as c:
            c.execute("""update sluice.duplicate_rule set weights = '{"name": 1}', threshold = 0.6
                          where entity = 'account' and key = 'name'""")
        print(f'{"accounts":>9} {"exact p50":>10} {"p99":>7} {"fuzzy p50":>10} {"p99":>7}   milliseconds')
        for n in (int(x) for x in o.accounts.split(',')):
            fill(db, o.build, n, o.queries)
            exact, fuzzy = measure(db, False), measure(db, True)
            print(f'{n:>9} {exact[0]:>10.3f} {exact[1]:>7.3f} {fuzzy[0]:>10.3f} {fuzzy[1]:>7.3f}', flush=True)
        shown = recall(db)
        print('recall of trigram similarity >= 0.6: '
              f'{sum(r[2] for r in shown) / max(1, sum(r[1] for r in shown)):.4f} of {sum(r[1] for r in shown)} pairs')
        for bucket, all_of_them, with_band in shown:
            print(f'  from {0.5 + bucket / 10:.1f}: {with_band} of {all_of_them} ({with_band / all_of_them:.4f})')
    finally:
        daemon.stop()
        daemon.destroy()


if __name__ == '__main__':
    main()
