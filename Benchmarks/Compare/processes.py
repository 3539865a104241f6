"""Processes of a measurement: started pinned to one core, charged by the kernel, stopped for certain.

A proxy is judged by the processor time it uses, so what is counted has to be complete: the whole process
tree, user and system time, as /proc/PID/stat gives it. A proxy and its load never share a core: otherwise
the faster proxy gets more load and both measure the scheduler.

Everything started here dies with this program, even when it is killed (PR_SET_PDEATHSIG), and is waited
for with a bound when it is stopped.
"""

import ctypes
import os
import random
import resource
import signal
import socket
import subprocess
import time

PROXY_CORE = 0
LOAD_CORE = 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 5.0
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class StartFailure(Exception):
    """A process that did not start or did not listen in time; the text names its log."""


def raise_descriptor_limit():
    """Raises the soft limit of open descriptors to the hard one, for this process and its children."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on, below those the kernel gives to clients: with ten thousand
    connections one of them would sooner or later sit on a port that is to be listened on again. Another process may
    take it before it is used: rare, and then the start fails loudly."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest = int(file.read().split()[0])
    for port in random.sample(range(max(1024, lowest // 2), lowest), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StartFailure("no free port below those of clients")


def wait_for_port(port, seconds, alive=lambda: True):
    """Waits until 127.0.0.1:port accepts; False when the time is over or `alive` says no."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and alive():
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False


class Child:
    """One program with its output in a file, pinned to a core unless `core` is None."""

    def __init__(self, name, arguments, core, log_path, environment=None, cwd=None):
        self.name = name
        self.log_path = log_path
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [str(each) for each in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(environment or {})}, cwd=cwd,
                preexec_fn=lambda: _become_child(core))

    @property
    def alive(self):
        return self.process.poll() is None

    def listening_on(self, *ports, seconds=20.0):
        """Returns self once every port accepts; raises StartFailure otherwise."""
        for port in ports:
            if not wait_for_port(port, seconds, lambda: self.alive):
                self.stop()
                raise StartFailure(f"{self.name} does not listen on port {port}: {tail(self.log_path)}")
        return self

    def pids(self):
        """The process and its descendants, alive now."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                fields = _stat(int(entry))
                if fields:
                    parents.setdefault(int(fields[1]), []).append(int(entry))
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue.extend(parents.get(pid, []))
        return found

    def cpu_seconds(self):
        """User and system time of the tree since its start, in seconds; resolution one tick (10 ms)."""
        ticks = 0
        for pid in self.pids():
            fields = _stat(pid)
            if fields:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS_PER_SECOND

    def resident_bytes(self):
        """Resident memory of the tree. Pages that processes share are counted once for each."""
        pages = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                    pages += int(file.read().split()[1])
            except (OSError, IndexError):
                continue
        return pages * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number):
        if self.alive:
            self.process.send_signal(number)

    def stop(self):
        """SIGTERM, then SIGKILL for what remains of the tree after STOP_SECONDS."""
        if not self.alive:
            return
        tree = self.pids()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in tree:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()


def run_pinned(arguments, core, seconds, environment=None):
    """Runs a program to its end on one core and returns its standard output; raises on failure."""
    done = subprocess.run(
        [str(each) for each in arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=seconds, env={**os.environ, **(environment or {})}, preexec_fn=lambda: _become_child(core))
    if done.returncode != 0:
        raise StartFailure(f"{arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def tail(path, size=600):
    """The end of a log, for a message."""
    try:
        with open(path, "rb") as file:
            return file.read()[-size:].decode("utf-8", "replace").strip() or f"{path} is empty"
    except OSError as error:
        return str(error)


def machine():
    """What the numbers were measured on, in one line."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="ascii") as file:
        gibibytes = int(file.readline().split()[1]) / (1 << 20)
    return f"{model}, {os.cpu_count()} cores, {gibibytes:.0f} GiB, Linux {os.uname().release}"


def _become_child(core):
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if core is not None:
        os.sched_setaffinity(0, {core})


def _stat(pid):
    """Fields of /proc/PID/stat after the name: [0] is the state, [1] the parent, [11] and [12] the times."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None
