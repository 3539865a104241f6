#!/usr/bin/env python3
"""Compares gateways over numbers of connections: Sluice, nginx, HAProxy, Envoy, and small ones in Go, Java and Python.

One route to one upstream (nginx on the load core) for all; each gateway is alone on core 0, the load is on core 1.
The load is `sluice load --closed`; wrk runs beside it at the smallest number of connections, as a check of the
generator. Rounds are interleaved, medians are reported. Reuse is what the upstream counts itself: requests for each
connection it accepted. Each connection is busy all the time, so a gateway needs two descriptors for it: that is
what bounds the number of connections (half of the descriptors of a process, `ulimit -Hn`).

    make compare
    Benchmarks/Compare/gateways.py --only sluice,haproxy --connections 64,1000 --seconds 3 --rounds 3

Exit codes: 0 when all that is here was measured, 1 when a gateway answered wrongly or Sluice is missing.
"""

import argparse
import http.client
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass

sys.dont_write_bytecode = True  # a benchmark leaves nothing in the source tree

from gateways_page import page
from language_peers import FastAPI, Netty
from load import check_answers, run_load
from peers import LARGE_BODY_BYTES, SMALL_BODY_BYTES, Envoy, GoReverseProxy, HAProxy, Nginx, Site, Sluice, Unavailable
from peers import start_upstream
from processes import LOAD_CORE, StartFailure, machine, raise_descriptor_limit, run_pinned
from columns import progress
from report import as_markdown, as_text

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAKERS = {"sluice": None, "nginx": Nginx, "haproxy": HAProxy, "envoy": Envoy, "go": GoReverseProxy, "java": Netty,
          "python": FastAPI}
PLAIN_ONLY = ("java", "python")
WARM_UP_SECONDS = 2  # long enough for a JIT to compile what matters
SPARE_DESCRIPTORS = 600


@dataclass
class Cell:
    """One gateway at one number of connections, once. Latencies and `cpu` are microseconds, `reuse` is requests
    for each connection the upstream accepted, `checked` is wrk's requests a second, where it ran."""

    rate: float
    p50: float
    p99: float
    errors: int
    cpu: float
    resident: int
    reuse: float
    checked: float = None


def main():
    options = parse_options()
    raise_descriptor_limit()
    os.sched_setaffinity(0, {LOAD_CORE})
    if options.install:
        subprocess.run([os.path.join(REPOSITORY, "scripts/install-bench-peers"), *options.only], check=False,
                       stdout=sys.stderr)
    directory = tempfile.mkdtemp(prefix="sluice-compare-")
    site = Site(directory, REPOSITORY)
    missing, failures, results, versions = {}, [], {}, {}
    upstream = None
    peers = []
    try:
        site.make_certificate()
        upstream = start_upstream(site)
        for name in options.only:
            peer = Sluice(site, options.sluice) if name == "sluice" else MAKERS[name](site)
            try:
                peer.prepare()
                peer.start()
            except (Unavailable, StartFailure) as error:
                missing[name] = str(error)
                continue
            wrong = check_answers(peer, SMALL_BODY_BYTES, LARGE_BODY_BYTES, (False,))
            if wrong:
                failures.append(f"{name} answers wrongly: " + "; ".join(wrong))
                peer.stop()
                continue
            peer.stop()
            peers.append(peer)
            versions[name] = peer.version()
        for connections in options.connections:
            results[connections] = measure(peers, site, options, connections, failures)
    except StartFailure as error:
        failures.append(str(error))
    finally:
        for peer in peers:
            peer.stop()
        if upstream:
            upstream.stop()
        shutil.rmtree(directory, ignore_errors=True)
    if "sluice" in missing:
        failures.append(f"sluice: {missing['sluice']}")
    publish(options, results, versions, missing, failures)
    return 1 if failures else 0


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    most = most_connections()
    parser.add_argument("--seconds", type=int, default=4, help="seconds of load a cell and round (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--only", type=names, default=list(MAKERS), help=f"gateways, of {','.join(MAKERS)}")
    parser.add_argument("--connections", type=counts, default=sorted({min(64, most), min(1000, most), most}),
                        help=f"numbers of connections, at most {most} here (default 64,1000,{most})")
    parser.add_argument("--sluice", default=os.path.join(REPOSITORY, ".build/release/sluice"), help="the command")
    parser.add_argument("--json", metavar="FILE", help="write every round as JSON")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables as Markdown")
    parser.add_argument("--html", metavar="FILE", help="write a page with plots")
    parser.add_argument("--install", action="store_true", help="install missing gateways (apt-get, pip into .build)")
    options = parser.parse_args()
    if options.seconds < 1 or options.rounds < 1:
        parser.error("--seconds and --rounds are at least 1")
    if max(options.connections) > most:
        parser.error(f"{max(options.connections)} connections: descriptors allow {most} (ulimit -Hn)")
    if (os.cpu_count() or 1) < 2:
        parser.error("two cores are needed: one for the gateway, one for the load")
    options.sluice = os.path.abspath(options.sluice)
    return options


def most_connections():
    """What the descriptors of one process allow: two for each connection, and nginx's and HAProxy's own limits."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(64, min((hard - SPARE_DESCRIPTORS) // 2 // 100 * 100, 9800))


def names(text):
    given = [name for name in text.split(",") if name]
    unknown = [name for name in given if name not in MAKERS]
    if unknown or not given:
        raise argparse.ArgumentTypeError(f"unknown: {','.join(unknown) or 'nothing named'}; known are {','.join(MAKERS)}")
    return [name for name in MAKERS if name in given]


def counts(text):
    try:
        given = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"\"{text}\" is no list of numbers such as 64,1000") from error
    if given[0] < 1:
        raise argparse.ArgumentTypeError("connections are at least 1")
    return given


def measure(peers, site, options, connections, failures):
    """Interleaved rounds at one number of connections: {gateway: [Cell]}. A gateway that fails is left out of it."""
    cells = {peer.name: [] for peer in peers}
    for number in range(1, options.rounds + 1):
        for peer in peers:
            progress(f"{connections} connections, round {number} of {options.rounds}: {peer.name}")
            try:
                # Alone: what the pools of all gateways keep open together is more than the upstream can have.
                peer.start()
                generate(options, peer, connections, WARM_UP_SECONDS, failures)
                cell = measure_cell(peer, site, options, connections, failures)
            except StartFailure as error:
                failures.append(str(error))
                continue
            finally:
                peer.stop()
            if cell:
                cells[peer.name].append(cell)
    return cells


def measure_cell(peer, site, options, connections, failures):
    before, cpu = upstream_counts(site), peer.child.cpu_seconds()
    report = generate(options, peer, connections, options.seconds, failures)
    if report is None:
        return None
    used, after = peer.child.cpu_seconds() - cpu, upstream_counts(site)
    percentiles = report["latencyMicroseconds"]["percentiles"]
    wrong = sum(count for status, count in report["statuses"].items() if status != "200")
    # The second look at the counts is itself a connection and a request.
    accepted, served = after[0] - before[0] - 1, after[1] - before[1] - 1
    cell = Cell(rate=report["responsesPerSecond"], p50=percentiles["p50"], p99=percentiles["p99"],
                errors=report["errors"] + wrong, cpu=used * 1e6 / max(report["responses"], 1),
                resident=peer.child.resident_bytes(), reuse=served / max(accepted, 1))
    if connections == options.connections[0]:
        cell.checked = run_load(peer.url(), options.seconds, connections).rate
    return cell


def generate(options, peer, connections, seconds, failures):
    """One run of `sluice load`; None when it ended in a failure, which is noted."""
    try:
        return json.loads(run_pinned(
            [options.sluice, "load", peer.url(), "--closed", "--quiet", "--connections", connections, "--duration",
             f"{seconds}s", "--timeout", "10s", "--json", "-"], LOAD_CORE, seconds + 60))
    except (StartFailure, subprocess.TimeoutExpired, ValueError) as error:
        failures.append(f"{peer.name} at {connections} connections: {error}")
        return None


def upstream_counts(site):
    """Connections accepted and requests served by the upstream so far."""
    connection = http.client.HTTPConnection("127.0.0.1", site.upstream_port, timeout=10)
    connection.request("GET", "/counts")
    accepted, _, served = connection.getresponse().read().split(b"\n")[2].split()
    connection.close()
    return int(accepted), int(served)


def table(cells):
    lines = [["gateway", "requests/s", "P50 ms", "P99 ms", "errors", "CPU µs/request", "resident MiB",
              "requests/upstream connection", "wrk requests/s"]]
    for name, rounds in cells.items():
        if not rounds:
            lines.append([name, "failed"] + [""] * 7)
            continue

        def median(key, rounds=rounds):
            return statistics.median(getattr(cell, key) for cell in rounds)

        if not any(cell.rate for cell in rounds):
            errors = sum(cell.errors for cell in rounds)
            lines.append([name, "none answered", "", "", f"{errors:,}", "", f"{median('resident') / (1 << 20):.0f}", "", ""])
            continue
        checked = f"{median('checked'):,.0f}" if rounds[0].checked is not None else ""
        lines.append([name, f"{median('rate'):,.0f}", f"{median('p50') / 1e3:.2f}", f"{median('p99') / 1e3:.2f}",
                      f"{sum(cell.errors for cell in rounds):,}", f"{median('cpu'):.1f}",
                      f"{median('resident') / (1 << 20):.0f}", f"{median('reuse'):,.0f}", checked])
    return lines


def publish(options, results, versions, missing, failures):
    about = (f"{machine()}; {options.rounds} interleaved rounds of {options.seconds} s, medians, errors summed; "
             "gateway on core 0, load and upstream on core 1")
    print(about)
    for name, version in versions.items():
        print(f"  {name}: {version}")
    for connections, cells in results.items():
        print(f"\n{connections:,} connections\n{as_text(table(cells))}")
    notes = [f"not measured: {name}: {why}" for name, why in missing.items()]
    notes += [f"FAILED: {failure}" for failure in failures]
    for note in notes:
        print(f"\n{note}")
    if options.json:
        document = {"schema": "sluice.compare/1", "machine": machine(), "versions": versions, "missing": missing,
                    "failures": failures, "seconds": options.seconds, "rounds": options.rounds,
                    "connections": {str(connections): {name: [asdict(cell) for cell in rounds]
                                                       for name, rounds in cells.items()}
                                    for connections, cells in results.items()}}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(about + "\n")
            for connections, cells in results.items():
                file.write(f"\n**{connections:,} connections**\n\n{as_markdown(table(cells))}\n")
            file.write("".join(f"\n{note}\n" for note in notes))
    if options.html:
        with open(options.html, "w", encoding="utf-8") as file:
            file.write(page(about, versions, {key: table(cells) for key, cells in results.items()}, notes))


if __name__ == "__main__":
    sys.exit(main())
