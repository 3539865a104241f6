#!/usr/bin/env python3
"""Allocations of the gateway a proxied keep-alive request, with a gate.

The gateway runs with Benchmarks/Allocations/counter.c preloaded. After a warm-up it serves N requests, then 2N;
the difference of the two counts is what N requests cost, free of everything that happens once. The load and the
upstream live in this program, on four keep-alive connections, so nothing but a C compiler is needed.

    make bench-allocations
    Benchmarks/Allocations/allocations.py --stacks      where they come from (frame pointers, symbolised)

Exit codes: 0 within the gate, 1 over it, 2 when nothing could be measured.
"""

import argparse
import collections
import os
import re
import signal
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # a benchmark leaves nothing in the source tree

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(REPOSITORY, "Benchmarks/Compare"))

from guard import ISSUER, Guard  # noqa: E402  (the path is set above)
from peers import Site, Sluice, Unavailable  # noqa: E402  (the path is set above)
from processes import StartFailure  # noqa: E402
from upstream import Upstream  # noqa: E402

CONNECTIONS = 4
DUMP_SECONDS_MAX = 10.0
BODY = b"x" * 300
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 300\r\n\r\n" + BODY
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: allocations\r\nAccept: */*\r\n%s\r\n"
# Every request passes: what is counted is the decision, what is recorded, and the fields of the answer.
MIDDLEWARES = {
    "rateLimit": "{rateLimit: {average: 1000000, burst: 1000000}}",
    "rateLimit-sliding": "{rateLimit: {average: 1000000, algorithm: slidingWindow, sourceCriterion: {requestHost: true}}}",
    "circuitBreaker": "{circuitBreaker: {failureRatio: 0.5, minimumRequests: 10, exposeState: true}}",
    "circuitBreaker-expression":
        "{circuitBreaker: {expression: 'NetworkErrorRatio() > 0.9 || LatencyAtQuantileMS(50.0) > 9000'}}",
    "timeout": "{timeout: {duration: 10s}}",
    "retry": "{retry: {attempts: 3, initialInterval: 100ms}}",
    "hedge": "{hedge: {delay: 5s}}",
    "adaptiveConcurrency": "{adaptiveConcurrency: {window: 10s}}",
}
# Each kind of question that a policy can ask, and a rule that lets the request pass in the end.
POLICY = {
    "may": "{policy: {attributes: {agent: {header: User-Agent}}, rules: ["
           "{name: a, when: 'Method(`POST`) && PathPrefix(`/pay`)', action: deny}, "
           "{name: b, when: 'claim.sub == \"mallory\" || claim.roles in [\"a\", \"b\"]', action: deny}, "
           "{name: c, when: 'agent =~ \"^curl\" || header.X-Zone == \"no\" || query.zone == \"no\"', action: deny}, "
           "{name: d, when: 'address == \"192.0.2.1\" || ClientIP(`10.0.0.0/8`) || spiffe =~ \"^spiffe://\"', "
           "action: deny}, "
           "{name: e, when: '(hour == \"04\" || weekday == \"sun\" || router == \"all\" || entryPoint == \"web\") && "
           "method == \"PUT\"', action: deny}, "
           "{name: f, when: 'path =~ \"^/\" && host == \"127.0.0.1\"', action: allow}]}}",
}
# The same without the rule that asks for claims, which need a token before them.
ANONYMOUS_POLICY = {"may": re.sub(r"\{name: b,.*?action: deny\}, ", "", POLICY["may"])}
# One upstream under several addresses; what is counted is the choice, and what is recorded of the server.
OUTLIERS = "outlierDetection: {consecutiveErrors: 5}"
BALANCERS = {strategy: {"balancer": f"strategy: {strategy}\n        {OUTLIERS}"}
             for strategy in ("wrr", "p2c", "leasttime", "leastrequest", "hrw")}
BALANCERS["health"] = {"balancer": "healthCheck: {path: /, interval: 600s, timeout: 1s}"}
BALANCERS["weighted"] = {
    "services": "front: {weighted: {services: [{name: upstream, weight: 3}, {name: upstream, weight: 1}]}}"}
BALANCERS["failover"] = {"services": "front: {failover: {service: upstream, fallback: upstream}}"}
BALANCERS["mirroring-none"] = {"services": "front: {mirroring: {service: upstream, mirrors: []}}"}
SERVERS = 3
# What the process does once a second is divided by more or fewer requests; one that allocates shows as 1.
ROUNDING = 0.1
FRAMES_SHOWN = 7
STACKS_SHOWN = 12


class Client:
    """A few keep-alive connections that send one request after the other and check each answer."""

    def __init__(self, peer, tls, field=""):
        self.request = REQUEST % (f"{field}\r\n".encode() if field else b"")
        self.connections = []
        for _ in range(CONNECTIONS):
            port = peer.tls_port if tls else peer.port
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                context = ssl.create_default_context(cafile=peer.site.certificate)
                connection = context.wrap_socket(connection, server_hostname="localhost")
            self.connections.append(connection)

    def send(self, requests):
        for number in range(requests):
            connection = self.connections[number % CONNECTIONS]
            connection.sendall(self.request)
            answer = b""
            while not answer.endswith(BODY):
                piece = connection.recv(16384)
                if not piece:
                    raise StartFailure(f"a connection was closed after {number} requests: {answer[:200]!r}")
                answer += piece
            if not answer.startswith(b"HTTP/1.1 200"):
                raise StartFailure(f"unexpected answer {answer[:200]!r}")


class Counter:
    """Reads the counter of a running process, one dump at a time."""

    def __init__(self, peer, file):
        self.peer = peer
        self.file = file
        self.offset = 0

    def dump(self):
        """(allocations, bytes, {stack: count}, mappings) since the start of the process."""
        self.peer.child.signal(signal.SIGUSR2)
        end = time.monotonic() + DUMP_SECONDS_MAX
        while time.monotonic() < end:
            if os.path.exists(self.file):
                with open(self.file, encoding="utf-8", errors="replace") as file:
                    text = file.read()[self.offset:]
                last = re.search(r"^(\d+) (\d+) (\d+)\n\Z", text, re.M)
                if last:
                    self.offset += len(text)
                    stacks, maps = self._stacks(text)
                    return int(last[1]), int(last[2]), stacks, maps
            time.sleep(0.005)
        raise StartFailure("the counter answered no SIGUSR2; is the program linked against another allocator?")

    @staticmethod
    def _stacks(text):
        stacks, maps = collections.Counter(), []
        for line in text.splitlines():
            words = line.split()
            if words and words[0] == "stack":
                stacks[tuple(int(word, 16) for word in words[2:])] += int(words[1])
            elif "-" in line and " r-xp " in line and len(words) >= 6:
                low, high = (int(word, 16) for word in words[0].split("-"))
                maps.append((low, high, int(words[2], 16), words[5]))
        return stacks, maps


def main():
    options = parse_options()
    directory = tempfile.mkdtemp(prefix="sluice-allocations-")
    try:
        library = compile_counter()
        site = Site(directory, REPOSITORY)
        site.make_certificate()
        for number in range(SERVERS):
            Upstream(ANSWER, site.upstream_port, host=f"127.0.0.{number + 1}")
        forward = count(site, options, library, "forward", gate=options.gate)
        count(site, options, library, "TLS", tls=True)
        # A protection that lets a request pass may not allocate at all, and neither may the choice of a server.
        gate = forward + ROUNDING
        cases = [(name, {"middlewares": {name: text}}) for name, text in MIDDLEWARES.items()]
        cases.append(("all-middlewares", {"middlewares": MIDDLEWARES}))
        cases.append(("policy", {"middlewares": ANONYMOUS_POLICY}))
        # Neither may a token that is known, and a policy that asks for its claims.
        guard = Guard(site)
        jwt = {"who": f"{{jwt: {{algorithms: [ES256], jwks: {{file: '{guard.key_set_file}'}}, issuer: ['{ISSUER}']}}}}"}
        cases += [(name, {"middlewares": chain, "field": guard.header})
                  for name, chain in (("jwt", jwt), ("jwt-and-policy", {**jwt, **POLICY}))]
        cases += [(name, {"servers": SERVERS, **settings}) for name, settings in BALANCERS.items()]
        over = [name for name, settings in cases
                if options.only in name and count(site, options, library, name, gate=gate, **settings) > gate]
        if forward > options.gate:
            over.insert(0, "forward")
        if over:
            print(f"FAILED: more allocations a proxied keep-alive request than allowed: {', '.join(over)}")
            return 1
        return 0
    except (StartFailure, Unavailable, OSError, subprocess.SubprocessError) as error:
        print(f"allocations: {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def count(site, options, library, name, tls=False, gate=None, field="", **settings):
    """Allocations a request of a gateway that is started for it; prints a line."""
    peer = Sluice(site, options.sluice, name=f"sluice-{name}", **settings)
    try:
        peer.prepare()
        file = site.path(f"allocations-{name}")
        peer.start({"LD_PRELOAD": library, "SLUICE_ALLOCATIONS_FILE": file,
                    "SLUICE_ALLOCATIONS_STACKS": "1" if options.stacks else "0"})
        each, size, stacks, maps = measure(peer, Counter(peer, file), tls, options.requests, field)
        bound = f", at most {gate:g}" if gate is not None else ""
        print(f"{name}: {each:.2f} allocations a request{bound}; {size:.0f} bytes")
        if options.stacks:
            show_stacks(stacks, maps, options.requests)
        return each
    finally:
        peer.stop()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000, help="N (default 2000)")
    parser.add_argument("--gate", type=float, default=6.0, help="allocations a request allowed (default 6)")
    parser.add_argument("--only", default="", help="protections and balancers with this in their names")
    parser.add_argument("--stacks", action="store_true", help="print the call stacks that allocate most")
    parser.add_argument("--sluice", default=os.path.join(REPOSITORY, ".build/release/sluice"), help="the binary")
    options = parser.parse_args()
    options.sluice = os.path.abspath(options.sluice)
    return options


def compile_counter():
    """Compiles counter.c when it is newer than the library."""
    source = os.path.join(REPOSITORY, "Benchmarks/Allocations/counter.c")
    library = os.path.join(REPOSITORY, ".build/bench/allocation-counter.so")
    if not os.path.exists(library) or os.path.getmtime(library) < os.path.getmtime(source):
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise StartFailure("no C compiler (cc, gcc or clang)")
        os.makedirs(os.path.dirname(library), exist_ok=True)
        subprocess.run([compiler, "-O2", "-fno-omit-frame-pointer", "-fno-builtin", "-shared", "-fPIC", "-Wall",
                        "-o", library, source, "-lpthread"], check=True)
    return library


def measure(peer, counter, tls, requests, field=""):
    """(allocations, bytes, stacks of `requests` requests, mappings): the 2N run minus the N run."""
    client = Client(peer, tls, field)
    client.send(max(requests // 4, 8 * CONNECTIONS))
    dumps = [counter.dump()]
    for count in (requests, 2 * requests):
        client.send(count)
        dumps.append(counter.dump())
    (first, first_bytes), (second, second_bytes) = [
        (after[0] - before[0], after[1] - before[1]) for before, after in zip(dumps, dumps[1:])]
    stacks = dumps[2][2]
    stacks.subtract(dumps[1][2])
    return (second - first) / requests, (second_bytes - first_bytes) / requests, stacks, dumps[2][3]


def show_stacks(stacks, maps, requests):
    """The stacks of the 2N run that allocate most, a request, innermost frame first."""
    shown = [(stack, count) for stack, count in stacks.most_common(STACKS_SHOWN) if count > requests // 10]
    names = symbols({address for stack, _ in shown for address in stack}, maps)
    for stack, count in shown:
        print(f"  {count / (2 * requests):.2f} a request")
        frames = [names[address] for address in stack if names[address]]
        for frame in frames[:FRAMES_SHOWN]:
            print(f"      {frame}")


def symbols(addresses, maps):
    """{address: name} by addr2line and swift-demangle, whichever are there; the address itself otherwise."""
    by_file, names = collections.defaultdict(list), {address: hex(address) for address in addresses}
    for address in addresses:
        for low, high, offset, path in maps:
            if low <= address < high and os.path.exists(path):
                by_file[path].append((address, address - 1 - low + offset))
    for path, pairs in by_file.items():
        bias = text_bias(path)
        text = "\n".join(hex(place + bias) for _, place in pairs)
        done = subprocess.run(["addr2line", "-f", "-e", path], input=text, capture_output=True, text=True, check=False)
        found = done.stdout.splitlines()[::2]
        for (address, _), name in zip(pairs, found):
            names[address] = name if name != "??" else f"{os.path.basename(path)}+{hex(address)}"
    if shutil.which("swift"):
        ordered = list(names)
        done = subprocess.run(["swift", "demangle", "--simplified"], input="\n".join(names[each] for each in ordered),
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            names = dict(zip(ordered, done.stdout.splitlines()))
    return names


def text_bias(path):
    """Virtual address minus file offset of a file's executable segment."""
    done = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=False)
    found = re.search(r"LOAD\s+0x(\w+)\s+0x(\w+)\s+0x\w+\s+0x\w+\s+0x\w+\s+R E", done.stdout)
    return int(found[2], 16) - int(found[1], 16) if found else 0


if __name__ == "__main__":
    sys.exit(main())
