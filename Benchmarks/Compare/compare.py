#!/usr/bin/env python3
"""Compares Sluice with HAProxy, nginx, Envoy and Go's ReverseProxy on this machine.

One upstream for all (nginx, on the load core), one event loop for each proxy (pinned to core 0), the load
(wrk, 64 connections) on core 1, rounds interleaved, medians over the rounds. The judge is processor time of
the proxy a request; requests a second and latencies are reported beside it.

    make bench
    Benchmarks/Compare/compare.py --only sluice,haproxy --columns forward,tls --seconds 3 --rounds 5

Exit codes: 0 when everything asked for was measured without an error, 1 when an answer was wrong, a request
failed or the gateway was asked for and is missing.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # a benchmark leaves nothing in the source tree

from columns import LOAD_COLUMNS, progress, run_column
from guard import Guard, check_guard
from idle import measure_idle
from load import check_answers
from mutual import measure_mutual
from peers import LARGE_BODY_BYTES, SMALL_BODY_BYTES, Envoy, GoReverseProxy, HAProxy, Nginx, Site, Sluice, Unavailable
from peers import start_upstream
from processes import LOAD_CORE, StartFailure, machine, raise_descriptor_limit
from report import as_markdown, as_text, idle_table, load_table, routers_table
from routers import measure_routers

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = ["sluice", "haproxy", "nginx", "envoy", "go"]
COLUMNS = [column.name for column in LOAD_COLUMNS] + ["mutual", "idle", "routers", "loops"]


def main():
    options = parse_options()
    raise_descriptor_limit()
    os.sched_setaffinity(0, {LOAD_CORE})
    if options.install:
        install_peers(options.only)
    directory = tempfile.mkdtemp(prefix="sluice-bench-")
    site = Site(directory, REPOSITORY)
    running, missing, failures = [], [], []
    upstream = None
    try:
        site.make_certificate()
        if "guarded" in options.columns:
            site.guard = Guard(site)
        upstream = start_upstream(site)
        for peer in wanted_peers(options, site):
            try:
                peer.prepare()
                peer.start()
                wrong = check_answers(peer, SMALL_BODY_BYTES, LARGE_BODY_BYTES)
                if peer.has_guard:
                    wrong += check_guard(peer, SMALL_BODY_BYTES)
                if wrong:
                    failures.append(f"{peer.name} answers wrongly: " + "; ".join(wrong))
                    peer.stop()
                    continue
                running.append(peer)
            except (Unavailable, StartFailure) as error:
                missing.append((peer.name, str(error)))
        return measure_all(options, site, running, missing, failures)
    except StartFailure as error:
        print(f"compare: {error}", file=sys.stderr)
        return 1
    finally:
        for peer in running:
            peer.stop()
        if upstream:
            upstream.stop()
        if options.keep:
            progress(f"files are in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4, help="seconds of load a round (default 4)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--only", type=names_of(PEERS), default=PEERS, help=f"proxies, of {','.join(PEERS)}")
    parser.add_argument("--columns", type=names_of(COLUMNS), default=COLUMNS, help=f"columns, of {','.join(COLUMNS)}")
    parser.add_argument("--connections", type=int, default=9000,
                        help="idle connections (default 9000: HAProxy reserves two descriptors for each)")
    parser.add_argument("--sluice", default=os.path.join(REPOSITORY, ".build/release/sluice"),
                        help="the gateway's binary")
    parser.add_argument("--json", metavar="FILE", help="write every round as JSON")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables as Markdown")
    parser.add_argument("--install", action="store_true", help="install missing peers (apt-get, pip into .build/bench)")
    parser.add_argument("--keep", action="store_true", help="keep configurations and logs")
    options = parser.parse_args()
    if options.seconds < 1 or options.rounds < 1 or options.connections < 1:
        parser.error("--seconds, --rounds and --connections are at least 1")
    if (os.cpu_count() or 1) < 2:
        parser.error("two cores are needed: one for the proxy, one for the load")
    options.sluice = os.path.abspath(options.sluice)
    return options


def names_of(known):
    def parse(text):
        names = [name for name in text.split(",") if name]
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            what = ",".join(unknown) or "nothing named"
            raise argparse.ArgumentTypeError(f"unknown: {what}; known are {','.join(known)}")
        return [name for name in known if name in names]
    return parse


def install_peers(names):
    """Installs what is missing; a failure is not one here: the peer is named as missing later."""
    script = os.path.join(REPOSITORY, "scripts/install-bench-peers")
    subprocess.run([script, *names], check=False, stdout=sys.stderr)


def wanted_peers(options, site):
    makers = {"sluice": lambda: Sluice(site, options.sluice), "haproxy": lambda: HAProxy(site),
              "nginx": lambda: Nginx(site), "envoy": lambda: Envoy(site), "go": lambda: GoReverseProxy(site)}
    return [makers[name]() for name in options.only]


def measure_all(options, site, running, missing, failures):
    sections, document = [], {"machine": machine(), "seconds": options.seconds, "rounds": options.rounds,
                              "versions": {peer.name: peer.version() for peer in running}, "columns": {}}
    for column in LOAD_COLUMNS:
        if column.name in options.columns and running:
            rows = run_column(running, column, options.seconds, options.rounds)
            sections.append((title_of(column), load_table(rows)))
            document["columns"][column.name] = [row.as_json() for row in rows]
            failures.extend(f"{column.name}: {row.peer} failed {row.errors} requests" for row in rows if row.errors)
    if "mutual" in options.columns and any(peer.name == "sluice" for peer in running):
        try:
            lines, wrong = measure_mutual(site, options)
            title = "plain, TLS, mutual TLS: a request on an open connection, and a whole TLS 1.3 handshake"
            sections.append((title, lines))
            document["columns"]["mutual"] = lines
            failures.extend(wrong)
        except StartFailure as error:
            failures.append(f"mutual: {error}")
    if "idle" in options.columns and running:
        costs = {}
        for peer in running:
            progress(f"idle: {peer.name}")
            try:
                costs[peer.name] = measure_idle(peer, options.connections)
            except StartFailure as error:
                costs[peer.name] = "not measured"
                failures.append(str(error))
        sections.append(("idle keep-alive connections", idle_table(costs, options.connections)))
        document["columns"]["idle"] = costs
    if "routers" in options.columns and any(peer.name == "sluice" for peer in running):
        result = measure_routers(site, options.sluice, options.seconds, options.rounds)
        sections.append(("10,000 routers", routers_table(result)))
        document["columns"]["routers"] = result
        if result["install_failures"] or result["install_ms"] is None:
            failures.append("routers: installing 10,000 routers under load lost requests or never finished")
    if "loops" in options.columns and any(peer.name == "sluice" for peer in running):
        rows = measure_loops(site, options)
        sections.append(("event loops on the proxy's one core (default: one for each physical core)", load_table(rows)))
        document["columns"]["loops"] = [row.as_json() for row in rows]
        failures.extend(f"loops: {row.peer} failed {row.errors} requests" for row in rows if row.errors)
    failures.extend(f"sluice: {why}" for name, why in missing if name == "sluice")
    document["missing"], document["failures"] = dict(missing), failures
    publish(options, document, sections, missing, failures)
    return 1 if failures else 0


def measure_loops(site, options):
    """The forward column for one, two and four event loops on one core: what more loops than cores cost."""
    gateways = [Sluice(site, options.sluice, 1, f"{count}-loops", count) for count in (1, 2, 4)]
    try:
        for gateway in gateways:
            gateway.start()
        return run_column(gateways, LOAD_COLUMNS[0], options.seconds, options.rounds)
    finally:
        for gateway in gateways:
            gateway.stop()


def title_of(column):
    if column.first is None:
        return column.title
    return f"{column.title} (to HAProxy: first at most {column.first:.2f}, goal {column.goal:.2f})"


def publish(options, document, sections, missing, failures):
    about = (f"{document['machine']}; {options.rounds} interleaved rounds of {options.seconds} s, medians; "
             "proxy on core 0, load and upstream on core 1")
    print(about)
    for name, version in document["versions"].items():
        print(f"  {name}: {version}")
    for title, lines in sections:
        print(f"\n{title}\n{as_text(lines)}")
    for name, why in missing:
        print(f"\nnot measured: {name}: {why}")
    for failure in failures:
        print(f"\nFAILED: {failure}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(about + "\n")
            for title, lines in sections:
                file.write(f"\n**{title}**\n\n{as_markdown(lines)}\n")


if __name__ == "__main__":
    sys.exit(main())
