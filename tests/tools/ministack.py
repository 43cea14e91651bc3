"""Starts MiniStack, which stands in for AWS in the tests, on loopback only.

Prints `ready PORT` when it answers. Ends when it is told to (SIGTERM), and with whoever started it: when its input ends,
if that is a pipe, else when it has another parent.
With `--log FILE` its own log goes there, otherwise nowhere.

Where it is stricter or slower than tests can bear, it is changed in memory:
- events with a source `aws.*` are taken from clients (AWS refuses them, and so does MiniStack), since the tests have to
  say what CodePipeline would say;
- schedules are looked at every second, not every ten;
- with `AUTH=true`, which holds everybody but the credentials `test` to their policies, connections count as encrypted, as
  all connections to AWS are: policies may refuse others, and nothing on loopback is.

With `--clock-port PORT` queues and schedules go by a clock that stands still until it is told what time it is: `POST /`
on that port takes seconds since 1970, lets the schedules fire that are due by then, and answers with the next instant
at which anything is due, as `GET /` does: `{"next": 1795000600.0}`, or null.
"""

import argparse
import functools
import http.server
import json
import os
import runpy
import signal
import socket
import stat
import sys
import threading
import time
import urllib.error
import urllib.request

HOST = "127.0.0.1"

# This file has the package's name and would be imported in its place.
sys.path = [folder for folder in sys.path if os.path.abspath(folder) != os.path.dirname(os.path.abspath(__file__))]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--region", default="eu-central-1")
    parser.add_argument("--log", default=os.devnull)
    parser.add_argument("--clock-port", type=int, help="queues and schedules go by a clock that is set here")
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def configure(port, region):
    """MiniStack reads these when it is imported; what is set already, such as endpoints for functions, stays."""
    os.environ.update(GATEWAY_PORT=str(port), BIND_HOST=HOST, MINISTACK_HOST=HOST, MINISTACK_REGION=region)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }.items():
        os.environ.setdefault(name, value)


def take_events_of_aws():
    from ministack.services import eventbridge

    eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)


def look_at_schedules_every_second():
    from ministack.services import scheduler

    scheduler._SCHEDULE_TICK_INTERVAL = 1


def take_loopback_for_encrypted():
    from ministack.core import iam_evaluator

    pin = iam_evaluator.pin_request_origin
    iam_evaluator.pin_request_origin = lambda source, _: pin(source, True)


def repair():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ministack_repairs.py")
    runpy.run_path(path)["apply"]()


class Clock:
    """What queues and schedules take for the module `time`."""

    def __init__(self):
        self.now = 0.0

    def time(self):
        return self.now

    def __getattr__(self, name):
        return getattr(time, name)

    def advance(self, now):
        """There is one who fires: the ticker sleeps."""
        from ministack.services import scheduler

        self.now = max(self.now, now)
        scheduler._tick_schedules()

    def next(self):
        from ministack.services import scheduler, sqs

        messages = (message for queue in sqs._queues._data.values() for message in queue["messages"])
        schedules = scheduler._schedules._data.values()
        due = [message.get("visible_at", self.now) for message in messages]
        due += [scheduler._at_time_epoch(schedule["ScheduleExpression"]) for schedule in schedules]
        return min(due, default=None)


def go_by_a_clock_that_is_set(port):
    from ministack.services import eventbridge, scheduler, sqs

    clock = Clock()
    for service in (eventbridge, scheduler, sqs):
        service.time = clock
    scheduler._SCHEDULE_TICK_INTERVAL = 10**9

    class Setting(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            clock.advance(float(self.rfile.read(int(self.headers["content-length"]))))
            self.do_GET()

        def do_GET(self):
            body = json.dumps({"next": clock.next()}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer((HOST, port), Setting)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def end():
    os.kill(os.getpid(), signal.SIGTERM)


def end_with(parent):
    """A killed test cannot stop what it has started."""
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        while os.read(0, 4096):
            pass
    else:
        while os.getppid() == parent:
            time.sleep(1)
    end()


def say_when_ready(port, out):
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/_ministack/health", timeout=5).close()
            print(f"ready {port}", file=out, flush=True)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    end()


def main():
    parent = os.getppid()
    options = arguments()
    # Whoever started this reads the one line; all else is log.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    port = options.port or free_port()
    configure(port, options.region)
    take_events_of_aws()
    look_at_schedules_every_second()
    take_loopback_for_encrypted()
    repair()
    if options.clock_port:
        go_by_a_clock_that_is_set(options.clock_port)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    threading.Thread(target=say_when_ready, args=(port, out), daemon=True).start()
    from ministack.app import main as serve

    sys.argv = ["ministack"]
    serve()


if __name__ == "__main__":
    main()
