"""A load of whole TLS 1.3 handshakes: a connection each request and no session resumed.

wrk is not used for this, because it resumes sessions wherever the server gives out tickets (seen: 2,715 of 2,723
connections to nginx), and a resumed handshake costs a fraction. Python's client is slower than any proxy here, so
the rate is the load's own; the proxy's processor time a handshake is what counts, and a core does its inverse.
"""

import socket
import ssl
import statistics
import sys
import threading
import time

from load import Load
from processes import LOAD_CORE, run_pinned

THREADS = 8
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def run_handshakes(port, seconds, *identity):
    """Runs this file as a program of its own on the load core. `identity`: the files of a certificate and its key that
    the clients show."""
    text = run_pinned([sys.executable, __file__, port, seconds, *identity], LOAD_CORE, seconds + 60)
    requests, elapsed, p50, p99, errors = text.split()
    return Load(int(requests), float(elapsed), float(p50), float(p99), int(errors))


class Worker(threading.Thread):
    """One handshake after the other until the time is over; OpenSSL works outside Python's lock."""

    def __init__(self, port, end, identity):
        super().__init__()
        self.port = port
        self.end = end
        self.latencies = []
        self.errors = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        if identity:
            self.context.load_cert_chain(*identity)

    def run(self):
        while (begin := time.monotonic()) < self.end:
            try:
                self._request()
                self.latencies.append((time.monotonic() - begin) * 1e6)
            except OSError:
                self.errors += 1

    def _request(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain:
            # Without this the request waits for the acknowledgement of Finished: 40 ms with a server that sends nothing.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.context.wrap_socket(plain, server_hostname="localhost") as connection:
                if connection.version() != "TLSv1.3" or connection.session_reused:
                    raise OSError("not a whole TLS 1.3 handshake")
                connection.sendall(REQUEST)
                if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise OSError("not 200")
                while connection.recv(4096):
                    pass


def main():
    port, seconds, identity = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:5]
    begin = time.monotonic()
    workers = [Worker(port, begin + seconds, identity) for _ in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed = time.monotonic() - begin
    latencies = sorted(each for worker in workers for each in worker.latencies) or [0.0]
    p99 = latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)]
    print(len(latencies), elapsed, statistics.median(latencies), p99, sum(worker.errors for worker in workers))


if __name__ == "__main__":
    main()
