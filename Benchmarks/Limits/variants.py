#!/usr/bin/env python3
"""What ways to share a limit cost in Redis, measured against a real redis-server.

    make bench-limit-variants
    Benchmarks/Limits/variants.py --seconds 3 --keys 10000

Each variant is one Lua script a decision, by EVALSHA in pipelines of 64 on one connection, over many sources. Three of the
scripts are the gateway's own (Sources/SharedLimits/Scripts), the others stand beside this file. Redis and this program share
the machine with whatever else runs: read the ratios.
"""

import argparse
import os
import shutil
import socket
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # a benchmark leaves nothing in the source tree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../Compare"))

from processes import Child, StartFailure, free_port  # noqa: E402  (the path is set above)

PRODUCT = os.path.join(HERE, "../../Sources/SharedLimits/Scripts")
PIPELINE = 64
AVERAGE, PERIOD = 1000, 1_000_000  # requests a period of microseconds
LEASE = 50


def now():
    return str(time.time_ns() // 1000)


# name, script, arguments, decisions a call
WIDE = "3600000000"  # no pause of this program is a skew
VARIANTS = [
    ("fixed counter", "Variants/fixed-counter.lua", lambda: [AVERAGE, PERIOD // 1000], 1),
    ("sliding log", "Variants/sliding-log.lua", lambda: [AVERAGE, PERIOD], 1),
    ("sliding window counter (ours)", f"{PRODUCT}/sliding-window.lua", lambda: [now(), WIDE, WIDE, AVERAGE, PERIOD], 1),
    ("fixed window (ours)", f"{PRODUCT}/fixed-window.lua", lambda: [now(), WIDE, WIDE, AVERAGE, PERIOD], 1),
    ("token bucket (ours)", f"{PRODUCT}/bucket.lua",
     lambda: [now(), WIDE, WIDE, AVERAGE, PERIOD, AVERAGE, 0.5, 0], 1),
    (f"leased tokens, {LEASE} a call", "Variants/leased-tokens.lua", lambda: [AVERAGE, PERIOD, AVERAGE, LEASE], LEASE),
]


class Redis:
    """One connection; commands are rendered by hand, since rendering is not what is measured."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    @staticmethod
    def render(*words):
        parts = [str(word).encode() for word in words]
        return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self.file.read(length + 2)[:-2]
        if kind == b"-":
            raise SystemExit(f"redis: {rest.decode()}")
        return int(rest) if kind == b":" else rest

    def ask(self, *words):
        self.socket.sendall(self.render(*words))
        return self.reply()


def measure(redis, script, arguments, options):
    """Calls a second, bytes of a source's key, microseconds of Redis' processor a call."""
    redis.ask("FLUSHALL")
    redis.ask("CONFIG", "RESETSTAT")
    with open(os.path.join(HERE, script), encoding="utf-8") as file:
        sha = redis.ask("SCRIPT", "LOAD", file.read()).decode()
    values = arguments()
    batches = [
        b"".join(redis.render("EVALSHA", sha, 1, f"sluice:limit:{(start + at) * 7919 % options.keys}", *values)
                 for at in range(PIPELINE))
        for start in range(0, options.keys, PIPELINE)]
    calls, started = 0, time.monotonic()
    while time.monotonic() - started < options.seconds:
        redis.socket.sendall(batches[calls // PIPELINE % len(batches)])
        for _ in range(PIPELINE):
            redis.reply()
        calls += PIPELINE
    took = time.monotonic() - started
    stats = redis.ask("INFO", "commandstats").decode()
    line = next(line for line in stats.splitlines() if line.startswith("cmdstat_evalsha"))
    each = float(line.partition("usec_per_call=")[2].partition(",")[0])
    # A source that has used its limit up: what the variant keeps of it at most.
    for _ in range(AVERAGE + 10):
        redis.ask("EVALSHA", sha, 1, "sluice:limit:full", *arguments())
    size = redis.ask("MEMORY", "USAGE", "sluice:limit:full", "SAMPLES", 0)
    return calls / took, size, each


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2, help="for each variant")
    parser.add_argument("--keys", type=int, default=10_000, help="sources")
    options = parser.parse_args()
    if not shutil.which("redis-server"):
        print("skipped: redis-server is not here", file=sys.stderr)
        return 2
    folder = tempfile.mkdtemp(prefix="sluice-variants-")
    port = free_port()
    server = Child(
        "redis-server", ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        None, f"{folder}/redis.log", cwd=folder)
    try:
        server.listening_on(port)
        redis = Redis(port)
        print("| variant | decisions/s | to the fixed counter | Redis µs a call | bytes a source that used 1,000 |")
        print("|---|---:|---:|---:|---:|")
        first = None
        for name, script, arguments, decisions in VARIANTS:
            rate, size, each = measure(redis, script, arguments, options)
            rate *= decisions
            first = first or rate
            print(f"| {name} | {rate:,.0f} | {rate / first:.2f} | {each:.1f} | {size:,} |")
        return 0
    except StartFailure as failure:
        print(f"variants: {failure}", file=sys.stderr)
        return 2
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
