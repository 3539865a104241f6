/// How pages look: light and dark by what the reader's system asks for, one column that narrows.
enum PageStyle {
  static let text = """
    :root{--ink:#1c2430;--soft:#5b6675;--page:#f6f7f9;--card:#fff;--grid:#e3e7ec;
      --a:#1769c2;--b:#2e8b57;--c:#c26a00;--d:#b3261e;--e:#8791a0}
    @media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--page:#12161c;--card:#1b212a;--grid:#2c3541;
      --a:#64a8f0;--b:#5cc58c;--c:#f0a64b;--d:#f2837b;--e:#8290a3}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
    main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
    h1{font-size:1.35rem;margin:.2rem 0;font-weight:600}h2{font-size:1rem;margin:0 0 .3rem;font-weight:600}
    .target{overflow-wrap:anywhere}.about,footer{color:var(--soft);margin:.2rem 0 1rem}
    section{background:var(--card);border-radius:10px;padding:1rem;margin:1rem 0}
    svg{width:100%;height:auto;display:block}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr));gap:.75rem}
    .tile{background:var(--card);border-radius:10px;padding:.75rem 1rem}
    .tile b{display:block;font-size:1.4rem;font-variant-numeric:tabular-nums}.tile span{color:var(--soft)}
    .tile.bad b,.failed b{color:var(--d)}.held b{color:var(--b)}
    .grid{stroke:var(--grid)}.tick{fill:var(--soft);font-size:12px}.none{color:var(--soft)}
    .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
    .line.a{stroke:var(--a)}.line.b{stroke:var(--b)}.line.c{stroke:var(--c)}.line.d{stroke:var(--d)}
    .line.e{stroke:var(--e);stroke-dasharray:5 5}
    .legend{margin:0 0 .4rem;display:flex;flex-wrap:wrap;gap:1rem;color:var(--soft)}
    .key::before{content:"";display:inline-block;width:1rem;height:3px;margin-right:.4rem;vertical-align:middle;
      background:currentColor}
    .key.a::before{color:var(--a)}.key.b::before{color:var(--b)}.key.c::before{color:var(--c)}
    .key.d::before{color:var(--d)}.key.e::before{color:var(--e)}
    table{border-collapse:collapse;width:100%}
    th,td{text-align:left;padding:.3rem .2rem;border-top:1px solid var(--grid);font-weight:400;overflow-wrap:anywhere}
    tr:first-child>*{border-top:0}td{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
    th{color:var(--soft)}
    .verdicts{list-style:none;margin:0;padding:0}.verdicts li{padding:.2rem 0}code{font-size:.95em}
    @media (max-width:30rem){.tick{font-size:20px}section{padding:.75rem}}
    """
}
