"""The comparison as one page that needs nothing else: bars for each measure, light and dark, wide and narrow."""

import statistics
from html import escape

# Title, column of the table, whether longer bars are better.
MEASURES = [("Requests a second", 1, True), ("P99, ms", 3, False), ("CPU, µs a request", 5, False),
            ("Resident memory, MiB", 6, False)]

STYLE = """
:root{--ink:#1c2430;--soft:#5b6675;--page:#f6f7f9;--card:#fff;--grid:#e3e7ec;--bar:#aeb8c4;--own:#1769c2}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--page:#12161c;--card:#1b212a;--grid:#2c3541;
--bar:#4a5666;--own:#64a8f0}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 3rem}h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.1rem}
h3{font-size:.95rem;margin:0 0 .5rem;font-weight:600}p,li{color:var(--soft)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(22rem,100%),1fr));gap:1rem}
.card{background:var(--card);border-radius:10px;padding:1rem;overflow-x:auto}
.bar{display:grid;grid-template-columns:4.5rem 1fr 5rem;gap:.6rem;align-items:center;padding:.1rem 0}
.bar i{display:block;height:.9rem;border-radius:3px;background:var(--bar);min-width:2px}
.bar.beyond i{background:linear-gradient(90deg,var(--bar) 80%,#0000 0),
repeating-linear-gradient(115deg,var(--bar) 0 5px,#0000 5px 9px)}
.bar.sluice i{background:var(--own)}.bar.sluice span:first-child{font-weight:600}
.bar span:last-child{text-align:right;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{padding:.3rem .5rem;border-top:1px solid var(--grid);
text-align:right;font-variant-numeric:tabular-nums;font-weight:400}th:first-child,td:first-child{text-align:left}
tr:first-child th{border-top:0;color:var(--soft)}
"""


def page(about, versions, tables, notes):
    """The page. `tables` holds the table of each number of connections, its head first."""
    parts = ["<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">",
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
             f"<title>Gateways compared</title><style>{STYLE}</style></head><body><main><h1>Gateways compared</h1>",
             f"<p>{escape(about)}</p><ul>"]
    parts += [f"<li>{escape(name)}: {escape(version)}</li>" for name, version in versions.items()]
    parts += [f"<li>{escape(note)}</li>" for note in notes] + ["</ul>"]
    for connections, lines in tables.items():
        parts.append(f"<h2>{connections:,} connections</h2><div class=\"plots\">")
        parts += [bars(title, column, more, lines) for title, column, more in MEASURES]
        parts.append("</div>" + cells(lines))
    return "".join(parts) + "</main></body></html>\n"


def bars(title, column, more, lines):
    rows = [(line[0], number(line[column]), line[column] or "failed") for line in lines[1:]]
    scale = full_bar([value for _, value, _ in rows if value is not None])
    out = [f"<div class=\"card\"><h3>{escape(title)} ({'more' if more else 'less'} is better)</h3>"]
    for name, value, text in sorted(rows, key=lambda row: (row[1] is None, -(row[1] or 0) if more else row[1] or 0)):
        style = "visibility:hidden" if value is None else f"width:{min(100, 100 * value / scale):.1f}%"
        kind = "bar sluice" if name == "sluice" else "bar"
        kind += " beyond" if value is not None and value > scale else ""
        out.append(f"<div class=\"{kind}\"><span>{escape(name)}</span><i style=\"{style}\"></i>"
                   f"<span>{escape(text)}</span></div>")
    return "".join(out) + "</div>"


def full_bar(values):
    """What a whole bar stands for: the largest value, but not one so large that the others could not be told apart;
    such a bar ends in stripes."""
    usual = 8 * statistics.median(values) if values else 1
    return max((value for value in values if value <= usual), default=0) or 1


def cells(lines):
    out = ["<div class=\"card\" style=\"margin-top:1rem\"><table>"]
    for index, line in enumerate(lines):
        tag = "th" if index == 0 else "td"
        out.append("<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in line) + "</tr>")
    return "".join(out) + "</table></div>"


def number(text):
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None
