#!/usr/bin/python3
"""guides - makes pages for people of the guides in api-spec, which are Markdown.

usage: guides.py OUT_FOLDER FILE.md...          OUT_FOLDER/FILE.html for each

Takes what the guides use: headings (each an anchor), paragraphs, lists, tables, code between fences or indented,
and in lines code, bold, emphasis and links. Anything else stays text.
"""
import html
import re
import sys
from pathlib import Path

GUIDES = (('/docs', 'Reference'), ('/docs/designing', 'Designing processes'), ('/docs/importing', 'Importing'),
          ('/docs/problems', 'Problems'), ('/docs/reliability', 'Reliability'), ('/docs/landing', 'A landing page'))
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 48rem; padding: 1rem; }
nav { border-bottom: 1px solid #8886; padding-bottom: .5rem; }
nav a { margin-right: 1rem; }
pre { background: #8882; overflow-x: auto; padding: .75rem; }
code { font: .875em ui-monospace, monospace; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid #8886; padding: .25rem .5rem; text-align: left; vertical-align: top; }
h2:target, h3:target { background: #fe08; }
@media print { nav { display: none; } }
"""


def inline(text):
    """Code is put aside first: nothing in it is marked up."""
    kept = []

    def keep(m):
        kept.append(f'<code>{html.escape(m[0].strip("`"), False)}</code>')
        return f'\0{len(kept) - 1}\0'
    text = html.escape(re.sub(r'``.+?``|`[^`]+`', keep, text, flags=re.S), False)
    text = re.sub(r'\[([^\]]+)\]\(([^)\s]+)\)', r'<a href="\2">\1</a>', text)
    text = re.sub(r'\*\*(.+?)\*\*', r'<strong>\1</strong>', text, flags=re.S)
    text = re.sub(r'(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])', r'<em>\1</em>', text)
    return re.sub(r'\0(\d+)\0', lambda m: kept[int(m[1])], text)


def anchor(text):
    """As the problem codes are written, and as Markdown pages elsewhere name their headings."""
    return re.sub(r'[^\w-]', '', text.strip().lower().replace(' ', '-').replace('`', ''))


def code(lines):
    return f'<pre tabindex="0"><code>{html.escape(chr(10).join(lines), False)}</code></pre>'


def table(lines):
    rows = [[c.strip() for c in re.split(r'(?<!\\)\|', line.strip().strip('|'))] for line in lines]
    head, body = rows[0], rows[2:]
    out = ['<table>']
    if any(head):
        out.append('<tr>' + ''.join(f'<th>{inline(c)}</th>' for c in head) + '</tr>')
    out += ['<tr>' + ''.join(f'<td>{inline(c)}</td>' for c in row) + '</tr>' for row in body]
    return '\n'.join(out + ['</table>'])


def items(lines):
    kind, texts = 'ol' if re.match(r'\d', lines[0]) else 'ul', []
    for line in lines:
        m = re.match(r'(?:[-*]|\d+\.)\s+(.*)', line)
        if m:
            texts.append(m[1])
        else:
            texts[-1] += '\n' + line.strip()
    return f'<{kind}>\n' + '\n'.join(f'<li>{inline(t)}</li>' for t in texts) + f'\n</{kind}>'


def block(lines):
    """What lines without an empty one between them are."""
    m = re.match(r'(#{1,6}) (.*)', lines[0])
    if m:
        level = len(m[1])
        head = f'<h{level} id="{anchor(m[2])}">{inline(m[2])}</h{level}>'
        return head + ('\n' + block(lines[1:]) if lines[1:] else '')
    if len(lines) > 1 and re.fullmatch(r'\|[ :|-]+\|', lines[1].strip()):
        return table(lines)
    if re.match(r'[-*] |\d+\. ', lines[0]):
        return items(lines)
    return f'<p>{inline(chr(10).join(lines))}</p>'


def blocks(text):
    held, fence, indented = [], None, []

    def settle():
        if indented:
            while indented and not indented[-1]:
                indented.pop()
            yield code([line[4:] for line in indented])
            indented.clear()
        if held:
            yield block(list(held))
            held.clear()
    for line in text.split('\n'):
        if fence is not None:
            if line.startswith('```'):
                yield code(fence)
                fence = None
            else:
                fence.append(line)
        elif line.startswith('```'):
            yield from settle()
            fence = []
        elif line.startswith('    ') and not held:
            indented.append(line)
        elif not line.strip() and indented:
            indented.append('')
        else:
            if indented or not line.strip():
                yield from settle()
            if line.strip():
                held.append(line)
    yield from settle()


def page(text):
    title = re.search(r'^# (.*)$', text, re.M)[1]
    links = ''.join(f'<a href="{address}">{name}</a>' for address, name in GUIDES)
    return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)} - Sluice</title>\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n</head>\n<body>\n'
            f'<nav aria-label="Guides">{links}</nav>\n<main>\n' + '\n'.join(blocks(text)) + '\n</main>\n</body>\n</html>\n')


def main(argv):
    if len(argv) < 3:
        sys.exit(__doc__)
    for path in map(Path, argv[2:]):
        Path(argv[1], path.stem + '.html').write_text(page(path.read_text(encoding='utf-8')), encoding='utf-8')


if __name__ == '__main__':
    main(sys.argv)
