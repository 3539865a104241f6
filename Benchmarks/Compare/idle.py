"""What an idle keep-alive connection costs in memory.

Thousands of clients connect, send one request, read the answer and stay silent. The growth of the proxy's
resident memory, divided by their number, is what a connection costs. The proxy is started anew, so that no memory
left over from another load hides the growth, and its pool to the upstream is warm before.
The clients live in several processes, because one process may have 20,000 descriptors and less.
Buffers in the kernel are not counted: they are the same for every proxy.
"""

import select
import socket
import subprocess
import sys

from load import run_load
from processes import StartFailure

CLIENTS_A_PROCESS = 4000
WARM_UP_SECONDS = 2
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: idle\r\n\r\n"


def measure_idle(peer, connections):
    """Bytes of resident memory that one of `connections` idle connections costs."""
    peer.stop()
    peer.start()
    run_load(peer.url(), WARM_UP_SECONDS)
    before = peer.child.resident_bytes()
    crowd = []
    try:
        left = connections
        while left > 0:
            count = min(left, CLIENTS_A_PROCESS)
            left -= count
            process = subprocess.Popen([sys.executable, __file__, str(peer.port), str(count)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            crowd.append(process)
            line = process.stdout.readline()
            if line.strip() != "ready":
                raise StartFailure(f"{peer.name}: idle clients failed: {line.strip() or 'no answer'}")
        after = peer.child.resident_bytes()
        for process in crowd:
            process.stdin.write("check\n")
            process.stdin.flush()
            line = process.stdout.readline().strip()
            if line != "0 closed":
                raise StartFailure(f"{peer.name}: {line or 'the clients died'}; the figure would be too low")
        return (after - before) / connections
    finally:
        for process in crowd:
            process.stdin.close()
            process.wait()


def stay(port, count):
    """The client process: connects `count` times, says ready, answers one check, ends with standard input."""
    clients = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port), timeout=20)
        client.sendall(REQUEST)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(4096)
            if not piece:
                print(f"connection {len(clients) + 1} was closed after {len(head)} bytes", flush=True)
                return
            head += piece
        if not head.startswith(b"HTTP/1.1 200"):
            print(f"connection {len(clients) + 1} got {head[:60]!r}", flush=True)
            return
        clients.append(client)
    print("ready", flush=True)
    if sys.stdin.readline():
        poll = select.poll()
        for client in clients:
            poll.register(client, select.POLLRDHUP)
        print(f"{len(poll.poll(0))} closed", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    stay(int(sys.argv[1]), int(sys.argv[2]))
