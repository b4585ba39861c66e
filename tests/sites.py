"""Web servers on this machine, for a server that fetches."""

import http.server
import threading
import time


class Site:
    """Serves `pages` (path: body; a path alone: where it has moved to) until closed, each after `seconds`."""

    def __init__(self, pages, seconds=0):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(seconds)
                found = pages.get(self.path)
                moved = isinstance(found, str)
                body = b"" if found is None or moved else found
                self.send_response(404 if found is None else 302 if moved else 200)
                if moved:
                    self.send_header("Location", found)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
