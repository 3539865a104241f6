/// How the triage page looks. Everything is in the page: it must open from a mail, without a network.
enum PageStyle {
  static let css = """
    body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:1.5rem auto;padding:0 1rem}
    body{color:#222;background:#fff}
    h1{font-size:1.7rem;margin:0 0 .3rem;display:flex;flex-wrap:wrap;gap:.3rem .8rem;align-items:center}
    h2{font-size:1.15rem;margin:1.8rem 0 .4rem}.lead{font-size:1.15rem;margin:.2rem 0 1rem}.aside{color:#666}
    .level{font-size:.9rem;font-weight:normal;padding:.1rem .6rem;border-radius:1rem;color:#fff;background:#777}
    .level.A{background:#226b3c}.level.B{background:#24588a}.level.C{background:#8a5a12}
    pre,code{font:13px/1.45 ui-monospace,monospace;overflow-wrap:anywhere}
    pre{padding:.6rem;white-space:pre-wrap;background:#f4f4f2;margin:.3rem 0}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem;margin:0}dt{color:#666}dd{margin:0}
    table{border-collapse:collapse;width:100%}
    td,th{border-top:1px solid #ddd;padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top}
    th{font-weight:normal;color:#666}td{overflow-wrap:anywhere}td:first-child{white-space:nowrap}
    ol{padding-left:1.4rem}li{margin:.2rem 0}
    details{border-top:1px solid #ddd;padding:.25rem 0}summary{cursor:pointer}details details{margin-left:1rem}
    .bar{display:inline-block;width:8rem;height:.7em;margin-right:.5rem;background:#eee}
    .bar i{display:block;height:100%;background:#469}
    .tag{font-size:.8rem;padding:.05rem .45rem;border-radius:.7rem;background:#eee;white-space:nowrap}
    .proven-leaked,.stuck-forever{background:#f6d5d2}.stuck-candidate,.lock-convoy{background:#fbe6c4}
    .figure{overflow-x:auto}.figure svg{display:block;max-width:100%;height:auto}
    @media(max-width:40rem){
    table,tr,td{display:block}.heads{display:none}tr{border-top:1px solid #ddd;padding:.4rem 0}
    td,td:first-child{border:0;padding:0;white-space:normal}td:empty{display:none}
    td+td::before{content:attr(data-head) " ";color:#666}td:first-child{font-weight:600}
    dl{grid-template-columns:1fr;gap:0}.figure svg{max-width:none}dd{margin-bottom:.5rem}.bar{width:3rem}
    }
    @media print{details{break-inside:avoid}}
    """
}
