"""Answers over TLS as an AWS that knows no pipeline and remembers nothing: `encrypted_aws.py CERTIFICATE KEY`.

Prints its port, and ends with its input.
"""

import http.server
import json
import ssl
import sys
import threading


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers["content-length"])
        request = json.loads(self.rfile.read(length))
        operation = self.headers["x-amz-target"].partition(".")[2]
        status, answer = 200, {}
        if operation == "BatchGetItem":
            answer = {"Responses": {table: [] for table in request["RequestItems"]}, "UnprocessedKeys": {}}
        elif "CodePipeline" in self.headers["x-amz-target"]:
            status, answer = 400, {"__type": "PipelineNotFoundException", "message": "no such pipeline"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
