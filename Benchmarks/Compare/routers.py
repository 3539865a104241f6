"""Ten thousand routers against one: the cost of a request, and of installing them under load.

Two gateways run side by side, one with a single router and one with 10,000, and take turns under load; the
ratio is taken in the same round. Then a gateway with one router gets the file with 10,000 while requests
run: the time from SIGHUP until a request for the last new router is answered by its service, and how many
requests failed meanwhile, which has to be none.
"""

import http.client
import os
import signal
import statistics
import threading
import time

from columns import LOAD_COLUMNS, measure, progress
from load import run_load
from peers import Sluice

MANY = 10_000
INSTALL_SECONDS_MAX = 20


def measure_routers(site, binary, seconds, rounds):
    """{"one", "many": CPU µs a request, "ratio", "install_ms", "install_failures"}; None stands for not installed."""
    one = Sluice(site, binary, 1, "sluice-1-router")
    many = Sluice(site, binary, MANY, "sluice-10000-routers")
    column = LOAD_COLUMNS[0]
    result = {"one": [], "many": [], "ratio": []}
    try:
        one.start()
        many.start()
        for peer in (one, many):
            run_load(peer.url(), 1)
        for number in range(1, rounds + 1):
            progress(f"routers: round {number} of {rounds}")
            first, second = measure(one, column, seconds), measure(many, column, seconds)
            result["one"].append(first.cpu)
            result["many"].append(second.cpu)
            result["ratio"].append(second.cpu / first.cpu)
        medians = {name: statistics.median(values) for name, values in result.items()}
        many.stop()
        milliseconds, failures = _install(site, one)
        return {**medians, "install_ms": milliseconds, "install_failures": failures}
    finally:
        one.stop()
        many.stop()


def _install(site, peer):
    """Replaces the file of a running gateway by one with 10,000 routers, under load. The new file's last router
    alone sends /installed to the upstream's /echo, so its answer proves that the new routers serve."""
    last = MANY - 1
    text = peer.configuration(MANY).replace(
        f"rule: 'Host(`h{last}.example`) && PathPrefix(`/p{last}`)', service: upstream, entryPoints: [web]",
        "rule: 'Path(`/installed`)', service: upstream, entryPoints: [web], middlewares: [to-echo]")
    # With the guarded column the file has middlewares already, and a second section of that name is refused.
    section = "" if "\n  middlewares:\n" in text else "  middlewares:\n"
    before = "  services:\n" if section else "  middlewares:\n"
    echo = "    to-echo: {replacePath: {path: /echo}}\n"
    text = text.replace(before, section + echo + before if section else before + echo, 1)
    failures = []
    load = threading.Thread(target=lambda: failures.append(run_load(peer.url(), 6).errors))
    load.start()
    time.sleep(1)
    whole = site.write(f"{peer.name}.new", text)
    begin = time.monotonic()
    os.replace(whole, site.path(f"{peer.name}.yml"))
    peer.child.signal(signal.SIGHUP)
    installed = None
    while time.monotonic() - begin < INSTALL_SECONDS_MAX and installed is None:
        connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=5)
        try:
            connection.request("GET", "/installed")
            if b"for=" in connection.getresponse().read():
                installed = (time.monotonic() - begin) * 1e3
        except (OSError, http.client.HTTPException):
            failures.append(1)
        finally:
            connection.close()
        time.sleep(0.002)
    load.join()
    return installed, sum(failures)
