#!/usr/bin/env python3
"""Two gateways share one limit through a real Redis: how much of what the limit allows passes?

    make bench-shared-limits                                    1,000 requests/s over 100/s for 10 s
    Benchmarks/Limits/shared.py --seconds 3 --algorithm slidingWindow

Starts redis-server, an upstream and two gateways on free ports of 127.0.0.1, sends requests at a steady pace over both,
and counts 200s. Exit code 1 outside 99 % to 101 % of what the limit allows, 2 when something did not start.
"""

import argparse
import os
import shutil
import socket
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # a benchmark leaves nothing in the source tree

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(REPOSITORY, "Benchmarks/Compare"))

from processes import Child, StartFailure, free_port  # noqa: E402  (the path is set above)
from upstream import Upstream  # noqa: E402

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Client(threading.Thread):
    """Sends at its pace on kept connections, whatever the answers do; counts statuses when they come."""

    def __init__(self, port, rate, start, seconds):
        super().__init__()
        self.rate, self.start_at, self.seconds = rate, start, seconds
        self.counts, self.late = {}, 0.0
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self):
        total = int(self.rate * self.seconds)
        for number in range(total):
            due = self.start_at + number / self.rate
            now = time.monotonic()
            if now < due:
                time.sleep(due - now)
            self.late = max(self.late, time.monotonic() - due)
            self.connection.sendall(b"GET / HTTP/1.1\r\nHost: shared.test\r\n\r\n")
            status = self._answer()
            self.counts[status] = self.counts.get(status, 0) + 1
        self.connection.close()

    def _answer(self):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.connection.recv(65536)
            if not piece:
                raise SystemExit(f"the gateway closed: {data!r}")
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        while len(body) < length:
            body += self.connection.recv(65536)
        return int(head[9:12])


def configuration(options, redis, upstream, port, admin):
    return f"""entryPoints: {{web: {{address: "127.0.0.1:{port}"}}}}
admin: {{address: "127.0.0.1:{admin}"}}
runtime: {{eventLoops: 2}}
http:
  routers: {{all: {{rule: "PathPrefix(`/`)", middlewares: [shared], service: up}}}}
  middlewares:
    shared:
      rateLimit:
        average: {options.limit}
        {f"burst: {options.burst}" if "Bucket" in options.algorithm else ""}
        algorithm: {options.algorithm}
        redis: {{endpoints: ["127.0.0.1:{redis}"], timeout: 2s}}
  services: {{up: {{loadBalancer: {{servers: [{{url: "http://127.0.0.1:{upstream}"}}]}}}}}}
"""


def allowed(options, seconds):
    """What the limit lets through in a run of so many seconds, from the first request to the last."""
    rate = options.limit * seconds
    if options.algorithm == "tokenBucket":
        return options.burst + rate
    if options.algorithm == "leakyBucket":
        return 1 + rate
    # Windows begin with the first request; the sliding one weighs the window before.
    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", default=os.path.join(REPOSITORY, ".build/release/sluice"))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1000, help="requests a second over both gateways")
    parser.add_argument("--limit", type=int, default=100, help="a second")
    parser.add_argument("--burst", type=int, default=100)
    parser.add_argument("--algorithm", default="tokenBucket", choices=["tokenBucket", "slidingWindow", "fixedWindow"])
    parser.add_argument("--tolerance", type=float, default=1, help="percent")
    options = parser.parse_args()
    for program in ("redis-server", options.sluice):
        if not shutil.which(program):
            print(f"skipped: {program} is not here", file=sys.stderr)
            return 2
    folder = tempfile.mkdtemp(prefix="sluice-shared-")
    programs = []
    try:
        redis, upstream = free_port(), Upstream(ANSWER)
        programs.append(Child(
            "redis-server",
            ["redis-server", "--port", redis, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], None,
            f"{folder}/redis.log").listening_on(redis))
        ports = [free_port(), free_port()]
        admins = [free_port(), free_port()]
        for number, port in enumerate(ports):
            with open(f"{folder}/{number}.yml", "w", encoding="utf-8") as file:
                file.write(configuration(options, redis, upstream.port, port, admins[number]))
            programs.append(Child(
                "sluice", [options.sluice, "serve", "--config", f"{folder}/{number}.yml"], None,
                f"{folder}/{number}.log").listening_on(port))
        connections = 16
        start = time.monotonic() + 0.5
        clients = [
            Client(ports[number % 2], options.rate / connections, start + number / options.rate, options.seconds)
            for number in range(connections)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        took = time.monotonic() - start
        counts = {}
        for client in clients:
            for status, count in client.counts.items():
                counts[status] = counts.get(status, 0) + count
        may = allowed(options, max(options.seconds, took))
        share = counts.get(200, 0) / may
        late = max(client.late for client in clients)
        print(f"{options.algorithm}: {sum(counts.values())} requests in {took:.2f} s over two gateways, "
              f"limit {options.limit}/s: {counts.get(200, 0)} passed, {counts.get(429, 0)} refused, "
              f"others {sum(n for s, n in counts.items() if s not in (200, 429))}; "
              f"the limit allows {may:.0f}: {share * 100:.2f} % (a request was up to {late * 1000:.0f} ms late)")
        sent, key = socket.create_connection(("127.0.0.1", redis)), b"*2\r\n$4\r\nINFO\r\n$12\r\ncommandstats\r\n"
        sent.sendall(key)
        stats = sent.recv(65536).decode()
        evalsha = next((line for line in stats.splitlines() if line.startswith("cmdstat_evalsha")), "")
        print(f"redis: {evalsha}")
        return 0 if abs(share - 1) <= options.tolerance / 100 else 1
    except StartFailure as failure:
        print(f"shared: {failure}", file=sys.stderr)
        return 2
    finally:
        for program in reversed(programs):
            program.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
