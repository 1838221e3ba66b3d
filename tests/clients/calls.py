"""Runs the calls of a client against each server, and says what came of each: one line of JSON a call.

SERVERS is JSON: the name of a case and the address of the server that plays it. All calls go out at once.
"""

import json
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

LOCK = Lock()
SERVERS = json.loads(os.environ["SERVERS"])


def run(client):
    """`client`: functions by name; each takes the address of a server."""

    def call(job):
        case, url, name, function = job
        try:
            said = {"text": function(url)}
        except BaseException as error:  # Whatever a client throws is what is to be shown.
            said = {"error": "".join(traceback.format_exception_only(error)).strip()}
        line = json.dumps({"case": case, "call": name} | said, default=str)
        with LOCK:
            # At once: a client that writes by itself must not come between it and its end.
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    jobs = [(case, url, name, function) for case, url in SERVERS.items() for name, function in client.items()]
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(call, jobs))
    # Clients leave threads and loops behind.
    os._exit(0)
