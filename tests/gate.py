# SPDX-License-Identifier: MIT
"""A proxy before armsim that holds requests until it is told to let them go."""
import http.client
import http.server
import re
import threading


class Held:
    """A request that the cloud has not seen yet (or sees a second time when it is let go)."""

    def __init__(self, method, pattern, passes):
        self.method, self.pattern, self.passes = method, re.compile(pattern), passes
        self.arrived = threading.Event()
        self.request = None

    def fits(self, method, path):
        return (not self.arrived.is_set() and method == self.method
                and self.pattern.search(path) is not None)

    def wait(self, timeout=60):
        assert self.arrived.wait(timeout), f"no {self.method} of {self.pattern.pattern} came"


class Gate:
    """
    Listens on a port of its own and passes on to `port`, with its own address in what comes back.

    hold(): the next such request is kept, and its connection closed: its sender hears nothing, as
    after a time-out. copy(): it is passed on, and kept to be sent once more. late() sends what was
    kept and returns the status.
    """

    def __init__(self, port):
        self.port = port
        self.rules = []
        self.lock = threading.Lock()
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                gate.serve(self)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def hold(self, method, pattern):
        return self._rule(method, pattern, False)

    def copy(self, method, pattern):
        return self._rule(method, pattern, True)

    def _rule(self, method, pattern, passes):
        rule = Held(method, pattern, passes)
        with self.lock:
            self.rules.append(rule)
        return rule

    def late(self, rule):
        rule.wait()
        return self._forward(*rule.request)[0]

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = (handler.command, handler.path, body, dict(handler.headers.items()))
        with self.lock:
            rule = next((r for r in self.rules if r.fits(handler.command, handler.path)), None)
            if rule:
                rule.request = request
                rule.arrived.set()
        if rule and not rule.passes:
            handler.close_connection = True
            return
        status, headers, data = self._forward(*request)
        handler.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                handler.send_header(name, self._own(value.encode()).decode())
        data = self._own(data)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _own(self, data):
        return data.replace(b"http://127.0.0.1:%d" % self.port, self.url.encode())

    def _forward(self, method, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()
