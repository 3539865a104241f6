"""What is measured, a function each. Rounds are interleaved (A B C D, A B C D, …): a machine that slows down
for a while slows every proxy of that round, and the ratio to HAProxy is taken within the round.
"""

import statistics
import sys
import time
from dataclasses import asdict, dataclass, field

from handshakes import run_handshakes
from load import run_load

WARM_UP_SECONDS = 1


@dataclass
class LoadColumn:
    """One kind of load. `first` and `goal` are the design's bounds (section 6) as ratios to HAProxy, which hold on
    any machine, where its microseconds hold on one."""

    name: str
    title: str
    path: str = "/"
    tls: bool = False
    close: bool = False
    guarded: bool = False
    first: float = None
    goal: float = None


LOAD_COLUMNS = [
    LoadColumn("forward", "forward: 300 bytes, keep-alive", first=28 / 20, goal=20 / 20),
    LoadColumn("tls", "TLS 1.3: 300 bytes, keep-alive", tls=True, first=40 / 27, goal=27 / 27),
    LoadColumn("64k", "64 KiB response, keep-alive", path="/64k", first=60 / 55, goal=50 / 55),
    LoadColumn("guarded", "token (JWT ES256), limit and breaker: 300 bytes, keep-alive", guarded=True, first=38 / 131,
               goal=28 / 131),
    LoadColumn("connect", "a new connection each request", close=True),
    LoadColumn("handshake", "a whole TLS 1.3 handshake each request (the rate is the load's)", tls=True, close=True),
]


@dataclass
class Round:
    """One proxy under one load once. `cpu` is microseconds of the proxy a request, latencies are microseconds."""

    cpu: float
    rate: float
    p50: float
    p99: float
    resident: int
    errors: int


@dataclass
class Row:
    """Every round of one proxy in one column, and the medians."""

    peer: str
    rounds: list = field(default_factory=list)
    ratios: list = field(default_factory=list)

    def median(self, name):
        return statistics.median(getattr(each, name) for each in self.rounds)

    @property
    def ratio(self):
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def errors(self):
        return sum(each.errors for each in self.rounds)

    def as_json(self):
        names = ("cpu", "rate", "p50", "p99", "resident")
        return {"peer": self.peer, **{name: self.median(name) for name in names}, "ratio": self.ratio,
                "errors": self.errors, "rounds": [asdict(each) for each in self.rounds]}


def load_on(peer, column, seconds):
    """One run of the column's load against a proxy."""
    if column.name == "handshake":
        return run_handshakes(peer.tls_port, seconds)
    if column.guarded:
        return run_load(f"http://127.0.0.1:{peer.guarded_port}/", seconds, fields=[peer.site.guard.header])
    return run_load(peer.url(column.path, column.tls), seconds, close=column.close)


def measure(peer, column, seconds):
    """One round: the processor time the proxy's tree used over one run of the load, divided by its requests.
    The time of opening the connections is inside, one in thousands of the whole."""
    before = peer.child.cpu_seconds()
    load = load_on(peer, column, seconds)
    used = peer.child.cpu_seconds() - before
    return Round(cpu=used * 1e6 / max(load.requests, 1), rate=load.rate, p50=load.p50, p99=load.p99,
                 resident=peer.child.resident_bytes(), errors=load.errors)


def run_column(peers, column, seconds, rounds, reference="haproxy"):
    """Runs the interleaved rounds of one column and returns a Row for each peer, in the order given."""
    peers = [peer for peer in peers if peer.has_guard or not column.guarded]
    rows = {peer.name: Row(peer.name) for peer in peers}
    for peer in peers:
        load_on(peer, column, WARM_UP_SECONDS)
    for number in range(1, rounds + 1):
        progress(f"{column.name}: round {number} of {rounds}")
        for peer in peers:
            rows[peer.name].rounds.append(measure(peer, column, seconds))
        base = rows[reference].rounds[-1].cpu if reference in rows else 0
        for row in rows.values():
            if base:
                row.ratios.append(row.rounds[-1].cpu / base)
    return list(rows.values())


def progress(text):
    """What runs now, on standard error, so that standard output is only the result."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
