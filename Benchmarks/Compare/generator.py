#!/usr/bin/env python3
"""Compares the load generator with wrk: requests a second of one core against nginx on the other.

Interleaved rounds; the ratio is taken within each. Memory is what the generator gains from 64 to many connections.

    make bench-load
    Benchmarks/Compare/generator.py --seconds 3 --rounds 5

Exit codes: 0 when the median ratio is at least 0.6 and a thousand connections cost at most 2 MB, else 1.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # a benchmark leaves nothing in the source tree

from load import run_load
from peers import Site, start_upstream
from processes import LOAD_CORE, PROXY_CORE, StartFailure, machine, raise_descriptor_limit

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RATIO_MIN = 0.6
BYTES_A_CONNECTION_MAX = 2000
MANY = 9000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sluice", default=os.path.join(REPOSITORY, ".build/release/sluice"))
    options = parser.parse_args()
    raise_descriptor_limit()
    directory = tempfile.mkdtemp(prefix="sluice-generator-")
    site = Site(directory, REPOSITORY)
    upstream = None
    try:
        upstream = start_upstream(site, PROXY_CORE)
        return compare(options, f"http://127.0.0.1:{site.upstream_port}/")
    except StartFailure as error:
        print(f"generator: {error}", file=sys.stderr)
        return 1
    finally:
        if upstream:
            upstream.stop()
        shutil.rmtree(directory, ignore_errors=True)


def compare(options, url):
    wrk, own, errors, few = [], [], 0, []
    for _ in range(options.rounds):
        wrk.append(run_load(url, options.seconds).rate)
        report, resident = run_own(options, url, 64, options.seconds)
        own.append(report["responsesPerSecond"])
        errors += report["errors"]
        few.append(resident)
    report, many = run_own(options, url, MANY, options.seconds)
    errors += report["errors"]
    ratio = statistics.median(mine / theirs for mine, theirs in zip(own, wrk))
    each = (many - statistics.median(few)) / (MANY - 64)
    print(f"{machine()}; {options.rounds} interleaved rounds of {options.seconds} s, 64 connections, keep-alive")
    print(f"wrk           {statistics.median(wrk):10,.0f} requests/s")
    print(f"sluice load   {statistics.median(own):10,.0f} requests/s   ratio {ratio:.2f} (at least {RATIO_MIN})")
    print(f"a connection  {each:10,.0f} bytes        (at most {BYTES_A_CONNECTION_MAX}; {MANY} connections)")
    print(f"errors        {errors:10,}")
    return 0 if ratio >= RATIO_MIN and each <= BYTES_A_CONNECTION_MAX and errors == 0 else 1


def run_own(options, url, connections, seconds):
    """The report of one run, and the largest resident memory of the process in bytes."""
    command = [options.sluice, "load", url, "--closed", "--quiet", "--connections", str(connections), "--duration",
               f"{seconds}s", "--json", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE})) as process:
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise StartFailure(f"sluice load ended with {process.returncode}")
    return json.loads(text), usage.ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
