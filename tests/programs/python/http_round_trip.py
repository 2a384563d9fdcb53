import http.server
import threading
import urllib.error
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ok" else 404)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
base = f"http://127.0.0.1:{server.server_port}"
print(opener.open(base + "/ok", timeout=30).read())
try:
    opener.open(base + "/nothing", timeout=30)
except urllib.error.HTTPError as error:
    print(error.code)
server.shutdown()
server.server_close()
