"""A running `sluice bookstore`, and a PostgreSQL of its own, for the checks of it as a program."""

import glob
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from sentences import free_port

SECONDS_MAX = 60
BOOK = "9781402000003"

_running = []

# Ended from outside, it ends what it started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def until(question):
    """Asks until it is true; false when it was not in time."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        if question():
            return True
    return False


def pause(seconds):
    """Gives the processor to those who are waited for."""
    select.select([], [], [], seconds)


def stop_all():
    """Ends what is still running."""
    for process in reversed(_running):
        if process.poll() is None:
            process.kill()
        process.wait()


class Server:
    """A bookstore process that is listening."""

    def __init__(self, binary, database, *arguments):
        self.process = subprocess.Popen(
            [binary, "bookstore", "--port", "0", "--database", database, *arguments],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        _running.append(self.process)
        self.lines = []
        self.port = None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            found = re.search(r"listens on http://127\.0\.0\.1:(\d+)$", line)
            if found:
                self.port = int(found[1])
                break
        if self.port is None:
            raise SystemExit(f"no bookstore: {self.lines}")
        # The rest is read too: a full pipe would stop the service.
        threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True).start()

    def ask(self, method, path, body=None, token=None, headers=None):
        """Status and document of an answer. A body that is bytes goes as it is, anything else as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)
        try:
            fields = dict(headers or {})
            if token:
                fields["Authorization"] = f"Bearer {token}"
            if body is not None:
                fields.setdefault("Content-Type", "application/json")
                body = body if isinstance(body, bytes) else json.dumps(body)
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            text = answer.read().decode()
            kind = answer.getheader("Content-Type") or ""
            return answer.status, json.loads(text) if "json" in kind and text else text
        finally:
            connection.close()

    def raw(self, request, seconds=SECONDS_MAX):
        """What comes back for bytes that are no client's, until the connection ends or is silent; b"" for a reset."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            answer = b""
            try:
                connection.sendall(request)
                while piece := connection.recv(65536):
                    answer += piece
            except OSError:
                pass
            return answer

    def token(self, name):
        credentials = {"email": f"{name}@bookstore.example", "password": f"bookstore-{name}"}
        return self.ask("POST", "/api/sessions", credentials)[1]["token"]

    def metric(self, name):
        text = self.ask("GET", "/metrics")[1]
        return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])

    def resident_mebibytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) // 1024

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(SECONDS_MAX)


class PostgreSQL:
    """A server of this run. It refuses to run as root; root hands it to the user of Debian's package."""

    @staticmethod
    def programs():
        """Where the newest one is installed; None when there is none."""
        found = glob.glob("/usr/lib/postgresql/*/bin")
        return max(found, key=lambda path: int(path.split("/")[-2])) if found else None

    def __init__(self, folder):
        self.bin, self.data, self.port = self.programs(), os.path.join(folder, "postgres"), free_port()
        os.mkdir(self.data)
        self.prefix = []
        if os.getuid() == 0:
            os.chmod(folder, 0o755)
            shutil.chown(self.data, "postgres")
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        subprocess.run([*self.prefix, f"{self.bin}/initdb", "-D", f"{self.data}/data", "-A", "trust", "-U", "sluice",
                        "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.start()

    def start(self):
        def is_ready():
            if self.process.poll() is not None:
                # After a kill its memory is in use until its children have noticed.
                self._launch()
            pause(0.05)
            return subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                                  check=False).returncode == 0
        self._launch()
        if not until(is_ready):
            raise SystemExit("PostgreSQL did not start")

    def _launch(self):
        with open(f"{self.data}.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*self.prefix, f"{self.bin}/postgres", "-D", f"{self.data}/data", "-p", str(self.port), "-k", self.data,
                 "-c", "listen_addresses=127.0.0.1"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        _running.append(self.process)

    def kill(self):
        """As the power going."""
        self.process.kill()
        self.process.wait()

    def make(self, name):
        """A new database; its URI."""
        subprocess.run([f"{self.bin}/createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "sluice", name],
                       check=True)
        return f"postgres://sluice@127.0.0.1:{self.port}/{name}"

    def value(self, uri, sql):
        """The one value a statement gives, as text."""
        done = subprocess.run(["psql", "-qAtX", uri, "-c", sql], capture_output=True, text=True, check=True)
        return done.stdout.strip()
