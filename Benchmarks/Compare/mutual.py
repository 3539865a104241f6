"""What identity costs on the wire: plain, TLS, mutual TLS, and mutual TLS with a check of SPIFFE IDs.

One gateway with an entry point for each, HAProxy with the first three beside it. Two costs are told apart, because they
are paid at different times: what a request costs on a connection that is open (certificates no longer matter there),
and what a whole handshake costs, of which a core does its inverse in a second. The load is `sluice load`, which can
show a certificate (wrk cannot); handshakes are Python's, as in the handshake column.
"""

import json
import statistics
import subprocess
import time

from columns import progress
from handshakes import run_handshakes
from peers import HAProxy, Sluice
from processes import LOAD_CORE, Child, StartFailure, free_port, run_pinned

CONNECTIONS = 64
ISSUER_SECONDS_MAX = 20


class Authority:
    """A certificate authority with one client, whose certificate carries a SPIFFE ID."""

    def __init__(self, site):
        self.file, key = site.path("authority.pem"), site.path("authority-key.pem")
        self.certificate, self.key = site.path("client.pem"), site.path("client-key.pem")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        _openssl("req", "-x509", *curve, "-days", "30", "-subj", "/CN=clients", "-keyout", key,
                 "-out", self.file)
        request = site.path("client.csr")
        _openssl("req", *curve, "-subj", "/CN=load", "-keyout", self.key, "-out", request)
        names = site.write("client.ext", "subjectAltName=URI:spiffe://bench.example/load\n"
                           "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", key, "-CAcreateserial",
                 "-days", "30", "-extfile", names, "-out", self.certificate)


class Issuer:
    """`sluice dev-spire` with an identity for the gateway and one for the load, on the load's core."""

    def __init__(self, site, binary):
        self.socket = site.path("agent.sock")
        registrations = site.write("registrations.yml", """trustDomain: bench.example
lifetime: 1h
registrations:
  - {id: "spiffe://bench.example/gateway", selector: any, hint: gateway, dnsNames: [localhost]}
  - {id: "spiffe://bench.example/ns/prod/load", selector: any, hint: load}
""")
        self.child = Child("dev-spire", [binary, "dev-spire", "--socket", self.socket, "--registrations", registrations],
                           LOAD_CORE, site.path("dev-spire.log"))
        self.certificate, self.key = site.path("load/svid.pem"), site.path("load/svid-key.pem")
        end = time.monotonic() + ISSUER_SECONDS_MAX
        while subprocess.run([binary, "svid", "--workload-api", f"unix://{self.socket}", "--hint", "load", "--write",
                              site.path("load")], capture_output=True).returncode != 0:
            if time.monotonic() > end or not self.child.alive:
                raise StartFailure("sluice dev-spire hands out no SVID")
            time.sleep(0.05)


class MutualSluice(Sluice):
    """The gateway with an entry point for each way; `ports` by the names of the table."""

    def __init__(self, site, binary, authority, issuer):
        super().__init__(site, binary, name="sluice-mutual")
        self.authority = authority
        self.issuer = issuer
        self.mutual_port, self.spiffe_port = free_port(), free_port()
        self.ports = {"plain": self.port, "TLS": self.tls_port, "mutual TLS": self.mutual_port,
                      "mutual TLS with SPIFFE": self.spiffe_port}

    def configuration(self, routers):
        text = super().configuration(routers)
        text = text.replace("admin:", f"  mutual: {{address: \"127.0.0.1:{self.mutual_port}\", "
                            "http: {tls: {options: mutual}}}\nadmin:", 1)
        text = text.replace("admin:", f"  spiffe: {{address: \"127.0.0.1:{self.spiffe_port}\", "
                            "http: {tls: {options: mesh}}}\n"
                            f"spiffe: {{workloadAPI: \"unix://{self.issuer.socket}\", hint: gateway}}\nadmin:", 1)
        text = text.replace("  routers:\n", "  routers:\n    mutual: {rule: \"PathPrefix(`/`)\", service: upstream, "
                            "entryPoints: [mutual, spiffe]}\n", 1)
        return text + (f"  options: {{mutual: {{clientAuth: {{caFiles: [\"{self.authority.file}\"], "
                       "clientAuthType: RequireAndVerifyClientCert}}, "
                       "mesh: {spiffe: {clients: required, idPrefixes: [\"spiffe://bench.example/ns/prod\"]}}}\n")


class MutualHAProxy(HAProxy):
    def __init__(self, site, authority):
        super().__init__(site)
        self.authority = authority
        self.mutual_port = free_port()
        self.ports = {"plain": self.port, "TLS": self.tls_port, "mutual TLS": self.mutual_port}

    def command(self):
        arguments, environment = super().command()
        path = arguments[-1]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(
                "  default_backend", f"  bind 127.0.0.1:{self.mutual_port} backlog 4096 ssl crt "
                f"{self.site.path('both.pem')} ca-file {self.authority.file} verify required\n"
                "  default_backend", 1))
        return arguments, environment


def measure_mutual(site, options):
    """Lines of the table, and what failed."""
    authority = Authority(site)
    issuer = Issuer(site, options.sluice)
    gateways = [MutualSluice(site, options.sluice, authority, issuer)]
    if "haproxy" in options.only:
        gateways.append(MutualHAProxy(site, authority))
    rounds, failures = {}, []
    try:
        for gateway in gateways:
            gateway.prepare()
            gateway.start()
        for number in range(1, options.rounds + 1):
            progress(f"mutual: round {number} of {options.rounds}")
            for gateway in gateways:
                for way, port in gateway.ports.items():
                    rounds.setdefault((gateway.name, way), []).append(
                        _measure(options, gateway, way, port, issuer if "SPIFFE" in way else authority, failures))
    finally:
        for gateway in gateways:
            gateway.stop()
        issuer.child.stop()
    return _table(rounds), failures


def _measure(options, gateway, way, port, shown_by, failures):
    """(CPU µs a request, P99 µs, CPU µs a handshake or None) of one way once."""
    identity = [shown_by.certificate, shown_by.key] if way.startswith("mutual") else []
    shown = ["--cert", identity[0], "--key", identity[1]] if identity else []
    scheme = "http" if way == "plain" else "https"
    before = gateway.child.cpu_seconds()
    report = json.loads(run_pinned(
        [options.sluice, "load", f"{scheme}://127.0.0.1:{port}/", "--closed", "--quiet", "--insecure", "--connections",
         CONNECTIONS, "--duration", f"{options.seconds}s", "--json", "-", *shown], LOAD_CORE, options.seconds + 60))
    used = gateway.child.cpu_seconds() - before
    wrong = report["errors"] + sum(count for status, count in report["statuses"].items() if status != "200")
    if wrong:
        failures.append(f"mutual: {gateway.name} failed {wrong} requests over {way}")
    handshake = None
    if way != "plain":
        before = gateway.child.cpu_seconds()
        load = run_handshakes(port, options.seconds, *identity)
        handshake = (gateway.child.cpu_seconds() - before) * 1e6 / max(load.requests, 1)
        if load.errors:
            failures.append(f"mutual: {gateway.name} failed {load.errors} handshakes over {way}")
    return used * 1e6 / max(report["responses"], 1), report["latencyMicroseconds"]["percentiles"]["p99"], handshake


def _table(rounds):
    lines = [["gateway", "CPU µs/request", "to plain", "P99 ms", "CPU µs/handshake", "handshakes/s a core"]]
    for (name, way), measured in rounds.items():
        cpu, p99 = (statistics.median(each[index] for each in measured) for index in (0, 1))
        plain = statistics.median(each[0] for each in rounds[(name, "plain")])
        line = [f"{name.removesuffix('-mutual')}, {way}", f"{cpu:.1f}", f"{cpu / plain:.2f}", f"{p99 / 1e3:.2f}"]
        if measured[0][2] is None:
            lines.append(line + ["", ""])
        else:
            handshake = statistics.median(each[2] for each in measured)
            lines.append(line + [f"{handshake:.0f}", f"{1e6 / handshake:,.0f}"])
    return lines


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
