"""Tables of the results: for the terminal and, with the same numbers, as Markdown for Documentation/performance.md."""


def load_table(rows):
    """Cells of one load column, a line a peer."""
    head = ["proxy", "CPU µs/request", "to HAProxy", "requests/s", "P50 ms", "P99 ms", "resident MiB", "errors"]
    lines = [head]
    for row in rows:
        lines.append([
            row.peer, f"{row.median('cpu'):.1f}", f"{row.ratio:.2f}" if row.ratio else "",
            f"{row.median('rate'):,.0f}", f"{row.median('p50') / 1e3:.2f}", f"{row.median('p99') / 1e3:.2f}",
            f"{row.median('resident') / (1 << 20):.1f}", str(row.errors)])
    return lines


def idle_table(costs, connections):
    """Cells of the idle measurement: {peer: bytes or a text that says why not}."""
    base = costs.get("haproxy")
    lines = [["proxy", f"bytes/connection ({connections:,} idle)", "to HAProxy"]]
    for name, cost in costs.items():
        if isinstance(cost, str):
            lines.append([name, cost, ""])
        else:
            ratio = f"{cost / base:.2f}" if isinstance(base, float) and base > 0 else ""
            lines.append([name, f"{cost:,.0f}", ratio])
    return lines


def routers_table(result):
    """Cells of the router measurement."""
    installed = "never" if result["install_ms"] is None else f"{result['install_ms']:.0f} ms"
    return [
        ["10,000 routers", "value"],
        ["CPU µs/request, 1 router", f"{result['one']:.1f}"],
        ["CPU µs/request, 10,000 routers", f"{result['many']:.1f}"],
        ["ratio", f"{result['ratio']:.3f}"],
        ["installed under load after", installed],
        ["requests failed meanwhile", str(result["install_failures"])],
    ]


def as_text(lines):
    """Aligned columns: the first to the left, the others to the right."""
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    out = []
    for line in lines:
        cells = [cell.ljust(width) if index == 0 else cell.rjust(width)
                 for index, (cell, width) in enumerate(zip(line, widths))]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def as_markdown(lines):
    """The same cells as a Markdown table."""
    out = ["| " + " | ".join(lines[0]) + " |", "|" + "---|" + "---:|" * (len(lines[0]) - 1)]
    out.extend("| " + " | ".join(line) + " |" for line in lines[1:])
    return "\n".join(out)
