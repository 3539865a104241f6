"""The load: wrk on the load core, and the check that every answer is the right one before time is measured.

wrk keeps its connections always busy (closed loop), so its latencies say how long the queue is, not what a
lone request costs: they are compared between proxies, never with a promise. What is gated is processor
time a request, which the load's pace hardly changes.
"""

import http.client
import re
import shutil
import ssl
from dataclasses import dataclass

from processes import LOAD_CORE, StartFailure, run_pinned

CONNECTIONS = 64


@dataclass
class Load:
    """What one run of wrk reports. Latencies are in microseconds, `seconds` is wrk's own clock."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int

    @property
    def rate(self):
        return self.requests / self.seconds


def run_load(url, seconds, connections=CONNECTIONS, close=False, fields=()):
    """Runs wrk for whole seconds; `close` asks for a new connection each request, `fields` are further headers."""
    wrk = shutil.which("wrk")
    if not wrk:
        raise StartFailure("wrk is not installed (apt-get install wrk)")
    headers = [word for each in (*(["Connection: close"] if close else []), *fields) for word in ("-H", each)]
    text = run_pinned([wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", *headers, url],
                      LOAD_CORE, seconds + 60)
    return parse_wrk(text)


def parse_wrk(text):
    """Reads wrk's report; raises StartFailure when it is not one."""
    done = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b", text)
    if not done:
        raise StartFailure(f"wrk printed no result: {text[-300:]}")
    percentile = {name: float(value) * _MICROSECONDS[unit]
                  for name, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)\b", text, re.M)}
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", text)))
    errors += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))
    return Load(int(done[1]), float(done[2]) * _MICROSECONDS[done[3]] / 1e6,
                percentile.get("50", 0.0), percentile.get("99", 0.0), errors)


def check_answers(peer, small, large, secure=(False, True)):
    """Proves that a proxy proxies: status, length, X-Forwarded-For at the upstream, TLS 1.3 where `secure` says so.
    Returns the list of what is wrong; empty when all is right."""
    wrong = []
    for tls in secure:
        name = "https" if tls else "http"
        try:
            connection = _connect(peer, tls)
            for path, length in (("/", small), ("/64k", large), ("/", small)):
                status, body = _get(connection, path)
                if status != 200 or len(body) != length:
                    wrong.append(f"{name} {path}: status {status} with {len(body)} bytes, not 200 with {length}")
            status, body = _get(connection, "/echo")
            if not re.match(rb"for=[0-9a-f.:]+;", body):
                wrong.append(f"{name}: the upstream got no X-Forwarded-For (status {status}, {body[:100]!r})")
            if tls and connection.sock.version() != "TLSv1.3":
                wrong.append(f"https: {connection.sock.version()}, not TLSv1.3")
            if tls and connection.sock.cipher()[0] != peer.cipher:
                wrong.append(f"https: cipher {connection.sock.cipher()[0]}, not {peer.cipher}")
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            wrong.append(f"{name}: {type(error).__name__} {error}")
    return wrong


_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}


def _connect(peer, tls):
    if not tls:
        return http.client.HTTPConnection("127.0.0.1", peer.port, timeout=10)
    context = ssl.create_default_context(cafile=peer.site.certificate)
    return http.client.HTTPSConnection("127.0.0.1", peer.tls_port, timeout=10, context=context)


def _get(connection, path):
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()
