"""Gateways as teams write them in other languages, for `make compare`: HTTP/1.1 to one upstream, no TLS.

Go's is in peers.py, where the TLS columns need it too. Each is the straightforward program of its language with a
pool of connections to the upstream, on one core like every other proxy here. Sources: Benchmarks/Peers/.
"""

import glob
import os
import shutil
import subprocess
import sys

from peers import Peer, Unavailable
from processes import PROXY_CORE, Child

NETTY = ("buffer", "codec", "codec-http", "common", "handler", "resolver", "transport", "transport-native-unix-common")
PYTHON_MODULES = "import fastapi, uvicorn, httpx"


class PlainPeer(Peer):
    """A proxy that listens for HTTP only."""

    def start(self, environment=None):
        arguments, own_environment = self.command()
        self.child = Child(self.name, arguments, PROXY_CORE, self.site.path(f"{self.name}.log"),
                           {**own_environment, **(environment or {})}, cwd=self.site.directory)
        return self.child.listening_on(self.port)

    @property
    def upstream(self):
        return f"http://127.0.0.1:{self.site.upstream_port}"


class Netty(PlainPeer):
    """Netty from Debian's libnetty-java, compiled here."""

    name = "java"

    def prepare(self):
        compiler, self.program = shutil.which("javac"), shutil.which("java")
        if not compiler or not self.program:
            raise Unavailable("javac is not installed (apt-get install default-jdk-headless)")
        jars = [f"/usr/share/java/netty-{part}.jar" for part in NETTY]
        missing = [jar for jar in jars if not os.path.exists(jar)]
        if missing:
            raise Unavailable(f"{missing[0]} is not there (apt-get install libnetty-java)")
        classes = os.path.join(self.site.repository, ".build/bench/java")
        os.makedirs(classes, exist_ok=True)
        source = os.path.join(self.site.repository, "Benchmarks/Peers/java/Gateway.java")
        done = subprocess.run([compiler, "-cp", ":".join(jars), "-d", classes, source], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise Unavailable(f"Benchmarks/Peers/java does not build: {done.stderr.strip()[-300:]}")
        self.classpath = ":".join([classes, *jars])

    def version(self):
        java = subprocess.run([self.program, "-version"], capture_output=True, text=True, check=False).stderr
        jars = [os.path.basename(path) for path in glob.glob("/usr/share/java/netty-transport-4*.jar")]
        netty = jars[0].removeprefix("netty-transport-").removesuffix(".jar") if jars else "unknown"
        return f"{java.splitlines()[0] if java else 'java'}, netty {netty}"

    def command(self):
        return [self.program, "-cp", self.classpath, "Gateway", f"127.0.0.1:{self.port}", self.upstream], {}


class FastAPI(PlainPeer):
    """FastAPI on uvicorn with httpx, one process."""

    name = "python"

    def prepare(self):
        candidates = (os.path.join(self.site.repository, ".build/bench/venv/bin/python"), sys.executable)
        for program in candidates:
            if os.access(program, os.X_OK) and _runs(program, PYTHON_MODULES):
                self.program = program
                return
        raise Unavailable("no Python here has fastapi, uvicorn and httpx (make compare installs them)")

    def version(self):
        text = ("import sys, fastapi, uvicorn, httpx; print('python', sys.version.split()[0], 'fastapi', "
                "fastapi.__version__, 'uvicorn', uvicorn.__version__, 'httpx', httpx.__version__, "
                "'uvloop' if __import__('importlib.util').util.find_spec('uvloop') else 'asyncio')")
        done = subprocess.run([self.program, "-c", text], capture_output=True, text=True, check=False)
        return done.stdout.strip() or "python"

    def command(self):
        source = os.path.join(self.site.repository, "Benchmarks/Peers/python/gateway.py")
        return [self.program, source, "--listen", f"127.0.0.1:{self.port}", "--upstream", self.upstream], {}


def _runs(program, text):
    return subprocess.run([program, "-c", text], capture_output=True, check=False).returncode == 0
