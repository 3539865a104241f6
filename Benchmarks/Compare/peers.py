"""The proxies that are compared, and the upstream they all stand in front of.

Each is set up to do the same work with one event loop: HTTP/1.1 in, HTTP/1.1 keep-alive out, X-Forwarded-For
added, no access log, TLS 1.3 with the same P-256 certificate and TLS_AES_256_GCM_SHA384, which is what
BoringSSL agrees on with wrk; OpenSSL is held to it, and Go, which takes the 128-bit suite, cannot be. Idle
connections may stay for ten minutes, so that the memory measurement does not race a timeout.
Session tickets are off where the proxy allows it, so that a handshake is a whole one.
"""

import os
import shutil
import subprocess

from processes import LOAD_CORE, PROXY_CORE, Child, free_port

SMALL_BODY_BYTES = 300
LARGE_BODY_BYTES = 65536
_ENVOY = "type.googleapis.com/envoy.extensions"


class Unavailable(Exception):
    """A peer that is not installed and cannot be; the text says what was looked for."""


class Site:
    """Where one run keeps its files and which upstream it uses."""

    def __init__(self, directory, repository):
        self.directory = directory
        self.repository = repository
        self.certificate = os.path.join(directory, "certificate.pem")
        self.key = os.path.join(directory, "key.pem")
        self.upstream_port = free_port()
        self.guard = None  # a Guard, where the guarded column is asked for

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def make_certificate(self):
        """A self-signed P-256 certificate for 127.0.0.1 and localhost, and both in one file for HAProxy."""
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        with open(self.certificate, encoding="ascii") as certificate, open(self.key, encoding="ascii") as key:
            self.write("both.pem", certificate.read() + key.read())


def start_upstream(site, core=LOAD_CORE):
    """nginx with one worker, on the load core: 300 bytes for /, 64 KiB for /64k, what it received for /echo, and at
    /counts how many connections it accepted and requests it served."""
    os.makedirs(site.path("root"), exist_ok=True)
    site.write("root/64k", "y" * LARGE_BODY_BYTES)
    config = site.write("upstream.conf", f"""
daemon off; {_nginx_user()} worker_processes 1; pid {site.path("upstream.pid")}; error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_timeout 600s; keepalive_requests 1000000000; sendfile on;
  open_file_cache max=10 inactive=600s; {_nginx_temporary_paths(site, "upstream")}
  server {{
    listen 127.0.0.1:{site.upstream_port} backlog=4096; root {site.path("root")}; default_type text/plain;
    location /64k {{ }}
    location = /counts {{ stub_status; }}
    location /echo {{ return 200 "for=$http_x_forwarded_for;host=$http_host;"; }}
    location / {{ return 200 "{"x" * SMALL_BODY_BYTES}"; }}
  }}
}}
""")
    child = Child("upstream", [_program("nginx"), "-c", config, "-p", site.directory], core,
                  site.path("upstream.log"))
    return child.listening_on(site.upstream_port)


class Peer:
    """One proxy of the comparison: `prepare` makes it runnable, `start` runs it on the proxy core."""

    name = ""
    cipher = "TLS_AES_256_GCM_SHA384"
    can_guard = False

    def __init__(self, site):
        self.site = site
        self.port = free_port()
        self.tls_port = free_port()
        self.guarded_port = free_port()
        self.child = None

    @property
    def has_guard(self):
        """Whether it listens on `guarded_port`: with token, limit and breaker before the upstream."""
        return self.can_guard and self.site.guard is not None

    def prepare(self):
        """Builds or finds the program; raises Unavailable."""

    def version(self):
        return ""

    def command(self):
        """Writes the configuration and returns (arguments, environment)."""
        raise NotImplementedError

    def start(self, environment=None):
        arguments, own_environment = self.command()
        self.child = Child(self.name, arguments, PROXY_CORE, self.site.path(f"{self.name}.log"),
                           {**own_environment, **(environment or {})}, cwd=self.site.directory)
        self.child.listening_on(self.port, self.tls_port, *([self.guarded_port] if self.has_guard else []))
        return self.child

    def stop(self):
        if self.child:
            self.child.stop()

    def url(self, path="/", tls=False):
        return f"https://127.0.0.1:{self.tls_port}{path}" if tls else f"http://127.0.0.1:{self.port}{path}"


class Sluice(Peer):
    """The gateway under test, from its release build."""

    name = "sluice"
    can_guard = True

    def __init__(self, site, binary, routers=1, name="sluice", event_loops=1, middlewares=None, servers=1,
                 balancer="", services=""):
        super().__init__(site)
        self.servers = servers  # how often the one upstream is named, each time as a server of its own
        self.balancer = balancer  # further lines of the load balancer
        self.services = services  # further services; one that is called `front` stands before the load balancer
        self.middlewares = middlewares or {}  # name -> definition, in one line of YAML
        self.binary = binary
        self.routers = routers
        self.event_loops = event_loops
        self.name = name
        self.admin_port = free_port()

    def prepare(self):
        if not os.access(self.binary, os.X_OK):
            raise Unavailable(f"{os.path.relpath(self.binary)} is not built (make release)")

    def version(self):
        return _first_line([self.binary, "version"])

    def command(self):
        config = self.site.write(f"{self.name}.yml", self.configuration(self.routers))
        return [self.binary, "serve", "--config", config], {}

    def configuration(self, routers):
        """Traefik's file, static and dynamic in one. `routers` beyond the first never match the load."""
        extra = "".join(
            f"    r{number}: {{rule: 'Host(`h{number}.example`) && PathPrefix(`/p{number}`)', "
            f"service: upstream, entryPoints: [web]}}\n" for number in range(1, routers))
        chain = f", middlewares: [{', '.join(self.middlewares)}]" if self.middlewares else ""
        guard = self.site.guard.sluice_middlewares() if self.has_guard else {}
        definitions = "".join(f"    {name}: {text}\n" for name, text in {**self.middlewares, **guard}.items())
        guarded, door = "", ""
        if guard:
            door = (f'  guarded: {{address: "127.0.0.1:{self.guarded_port}", '
                    "transport: {respondingTimeouts: {idleTimeout: 600s}}}\n")
            guarded = ('    guarded: {rule: "PathPrefix(`/`)", service: upstream, entryPoints: [guarded], '
                       f"middlewares: [{', '.join(guard)}]}}\n")
        if definitions:
            definitions = "  middlewares:\n" + definitions
        # Addresses of 127.0.0.0/8 are one machine and different servers.
        servers = ", ".join(
            f'{{url: "http://127.0.0.{number + 1}:{self.site.upstream_port}"}}' for number in range(self.servers))
        service = "front" if self.services else "upstream"
        extra_services = f"    {self.services}\n" if self.services else ""
        balancer = f"        {self.balancer}\n" if self.balancer else ""
        return f"""entryPoints:
  web: {{address: "127.0.0.1:{self.port}", transport: {{respondingTimeouts: {{idleTimeout: 600s}}}}}}
  websecure: {{address: "127.0.0.1:{self.tls_port}", transport: {{respondingTimeouts: {{idleTimeout: 600s}}}}}}
{door}admin: {{address: "127.0.0.1:{self.admin_port}"}}
runtime: {{eventLoops: {self.event_loops}}}
accessLog: {{enabled: false}}
log: {{level: ERROR}}
http:
  routers:
    all: {{rule: "PathPrefix(`/`)", service: {service}, entryPoints: [web]{chain}}}
    secure: {{rule: "PathPrefix(`/`)", service: upstream, entryPoints: [websecure], tls: {{}}}}
{guarded}{extra}{definitions}  services:
    upstream:
      loadBalancer:
        servers: [{servers}]
{balancer}{extra_services}tls:
  certificates: [{{certFile: "{self.site.certificate}", keyFile: "{self.site.key}"}}]
"""


class HAProxy(Peer):
    name = "haproxy"
    can_guard = True

    def prepare(self):
        _program("haproxy")

    def version(self):
        return _first_line([_program("haproxy"), "-v"])

    def command(self):
        server = f"server one 127.0.0.1:{self.site.upstream_port} pool-max-conn 256"
        guarded = ""
        if self.has_guard:
            guarded = self.site.guard.haproxy(self.guarded_port) + f"""backend guarded
  {server} check observe layer7 error-limit 50 on-error mark-down
"""
        config = self.site.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 9900
  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
  ssl-default-bind-ciphersuites TLS_AES_256_GCM_SHA384
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option forwardfor
  http-reuse always
frontend web
  bind 127.0.0.1:{self.port} backlog 4096
  bind 127.0.0.1:{self.tls_port} backlog 4096 ssl crt {self.site.path("both.pem")}
  default_backend upstream
backend upstream
  {server}
{guarded}""")
        return [_program("haproxy"), "-db", "-f", config], {}


class Nginx(Peer):
    name = "nginx"

    def prepare(self):
        _program("nginx")

    def version(self):
        return _first_line([_program("nginx"), "-v"])

    def command(self):
        config = self.site.write("nginx.conf", f"""
daemon off; {_nginx_user()} worker_processes 1; pid {self.site.path("nginx.pid")}; error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_timeout 600s; keepalive_requests 1000000000;
  proxy_max_temp_file_size 0; {_nginx_temporary_paths(self.site, "nginx")}
  upstream one {{
    server 127.0.0.1:{self.site.upstream_port}; keepalive 256; keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096; listen 127.0.0.1:{self.tls_port} backlog=4096 ssl;
    ssl_certificate {self.site.certificate}; ssl_certificate_key {self.site.key};
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;
    ssl_session_tickets off; ssl_session_cache off;
    location / {{
      proxy_pass http://one; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
""")
        return [_program("nginx"), "-c", config, "-p", self.site.directory], {}


class Envoy(Peer):
    name = "envoy"
    can_guard = True

    def prepare(self):
        self.program = _program("envoy", os.path.join(self.site.repository, ".build/bench/venv/bin/envoy"))

    def version(self):
        return "envoy " + _first_line([self.program, "--version"]).split("/")[-4]

    def command(self):
        listeners = self._listener("web", self.port, "") + self._listener("websecure", self.tls_port, f"""
        transport_socket:
          name: envoy.transport_sockets.tls
          typed_config:
            "@type": {_ENVOY}.transport_sockets.tls.v3.DownstreamTlsContext
            disable_stateless_session_resumption: true
            common_tls_context:
              tls_params: {{tls_minimum_protocol_version: TLSv1_3}}
              tls_certificates:
                - certificate_chain: {{filename: "{self.site.certificate}"}}
                  private_key: {{filename: "{self.site.key}"}}""")
        clusters = self._cluster("upstream")
        if self.has_guard:
            guard = self.site.guard
            listeners += self._listener("guarded", self.guarded_port, "", guard.envoy_filters(_ENVOY), "guarded")
            clusters += self._cluster("guarded", guard.envoy_cluster())
        config = self.site.write("envoy.yaml", f"""
static_resources:
  listeners:{listeners}
  clusters:{clusters}
""")
        return [self.program, "-c", config, "--concurrency", "1", "--disable-hot-restart", "-l", "error"], {}

    def _cluster(self, name, breaker=""):
        return f"""
    - name: {name}
      connect_timeout: 5s
      type: STATIC{breaker}
      load_assignment:
        cluster_name: {name}
        endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address:
          {{address: 127.0.0.1, port_value: {self.site.upstream_port}}}}}}}}}]}}]"""

    @staticmethod
    def _listener(name, port, transport_socket, filters="", cluster="upstream"):
        return f"""
    - name: {name}
      address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
      filter_chains:
      - filters:
        - name: envoy.filters.network.http_connection_manager
          typed_config:
            "@type": {_ENVOY}.filters.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: {name}
            use_remote_address: true
            common_http_protocol_options: {{idle_timeout: 600s}}
            route_config:
              virtual_hosts: [{{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}},
                route: {{cluster: {cluster}}}}}]}}]
            http_filters:{filters}
            - name: envoy.filters.http.router
              typed_config: {{"@type": {_ENVOY}.filters.http.router.v3.Router}}{transport_socket}"""


class GoReverseProxy(Peer):
    """net/http/httputil's ReverseProxy, built here from Benchmarks/Peers/go."""

    name = "go"
    cipher = "TLS_AES_128_GCM_SHA256"

    def prepare(self):
        compiler = _program("go", os.path.join(self.site.repository, ".build/bench/venv/bin/go"))
        self.program = os.path.join(self.site.repository, ".build/bench/go-reverse-proxy")
        source = os.path.join(self.site.repository, "Benchmarks/Peers/go")
        os.makedirs(os.path.dirname(self.program), exist_ok=True)
        built = subprocess.run([compiler, "build", "-o", self.program, "."], cwd=source, capture_output=True,
                               text=True, check=False, env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": ""})
        if built.returncode != 0:
            raise Unavailable(f"Benchmarks/Peers/go does not build: {built.stderr.strip()[-300:]}")
        self.compiler = compiler

    def version(self):
        return _first_line([self.compiler, "version"])

    def command(self):
        return [self.program, "-listen", f"127.0.0.1:{self.port}", "-listen-tls", f"127.0.0.1:{self.tls_port}",
                "-certificate", self.site.certificate, "-key", self.site.key,
                "-upstream", f"http://127.0.0.1:{self.site.upstream_port}"], {"GOMAXPROCS": "1"}


def _nginx_user():
    """As root, nginx would give its worker to `nobody`, which cannot read the run's private folder."""
    return "user root;" if os.geteuid() == 0 else ""


def _nginx_temporary_paths(site, name):
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {site.path(f'{name}-{kind}')};" for kind in kinds)


def _program(name, *others):
    """The path of an installed program; `others` are looked at first."""
    for candidate in (*others, shutil.which(name), f"/usr/sbin/{name}"):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise Unavailable(f"{name} is not installed")


def _first_line(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[0].strip() if lines else "unknown version"
