"""What the checks in this folder share: a line a sentence, a summary that the exit code follows, programs that are started
on free ports and stopped for certain.

    sys.dont_write_bytecode = True      # a check leaves nothing in the source tree
    from sentences import holds, summary
"""

import socket
import subprocess
import time

failed, children = [], []


def holds(sentence, truth, seen=""):
    """Prints whether the sentence is true, and when it is not, what was seen instead."""
    print(f"  {'ok  ' if truth else 'FAIL'} {sentence}", flush=True)
    if not truth:
        failed.append(sentence)
        text = seen if isinstance(seen, str) else repr(seen)
        if text:
            print("       " + text[:2000].replace("\n", "\n       "), flush=True)


def summary(name):
    """The last line, and the exit code."""
    print(f"{name}: {len(failed)} failed" if failed else f"{name}: all hold")
    return 1 if failed else 0


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, seconds=30):
    """Waits until 127.0.0.1:port accepts; ends the program when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nobody listens on {port}")


def start(arguments, port, **options):
    """Starts a program that listens on `port`, and waits until it does; `stop_all` ends it."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen([str(each) for each in arguments], **{**quiet, **options})
    children.append(child)
    wait_for(port)
    return child


def stop_all():
    """Ends what `start` has started: asks first, then kills."""
    for child in reversed(children):
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
