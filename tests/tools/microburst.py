"""Starts microburst on loopback, in front of another server: `microburst.py UPSTREAM`.

Prints `ready PORT` when it answers, and ends with its input. Rules are put in over its own control API.
"""

import logging
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

HOST = "127.0.0.1"

# This file has the package's name and would be imported in its place.
sys.path = [folder for folder in sys.path if os.path.abspath(folder) != os.path.dirname(os.path.abspath(__file__))]


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def end_with_input():
    while os.read(0, 4096):
        pass
    os._exit(0)


def say_when_ready(port, out):
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/_microburst/health", timeout=5).close()
            print(f"ready {port}", file=out, flush=True)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    os._exit(1)


def main():
    # Whoever started this reads the one line; all else is log.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    log = os.open(os.devnull, os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.disable(logging.CRITICAL)
    port = free_port()
    threading.Thread(target=end_with_input, daemon=True).start()
    threading.Thread(target=say_when_ready, args=(port, out), daemon=True).start()
    from microburst.cli import main as serve

    serve(["--host", HOST, "--port", str(port), "--upstream", sys.argv[1]])


if __name__ == "__main__":
    main()
