"""A server for measurements that count something else than speed."""

import socket
import threading


class Upstream:
    """Answers every request without a body with the same bytes; a thread a connection."""

    def __init__(self, answer, port=0, host="127.0.0.1"):
        self.answer = answer
        self.listener = socket.create_server((host, port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        head = b""
        try:
            while piece := connection.recv(65536):
                head += piece
                while b"\r\n\r\n" in head:
                    head = head.partition(b"\r\n\r\n")[2]
                    connection.sendall(self.answer)
        except OSError:
            pass
