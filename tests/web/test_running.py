"""A real server in a process of its own: its address, its signals, and a port that is taken."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request

import pytest

from clearsight.web.access import Access
from clearsight.web.running import Address, addresses, listen

PROGRAM = textwrap.dedent(
    """
    import sys, time
    from fastapi import APIRouter
    from clearsight.web.app import create_app
    from clearsight.web.running import Address, listen, run
    router = APIRouter()

    @router.get("/slow")
    def slow():
        print("began", flush=True)
        time.sleep(1.0)
        return "done"

    address = Address(port=int(sys.argv[1]))
    run(create_app(router, title="slow"), listen(address), address.access, say=lambda text: print(text, flush=True))
    print("ended", flush=True)
    """
)


@pytest.fixture
def server():
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, "0"], stdout=subprocess.PIPE, text=True)
    said = process.stdout.readline()
    assert said.startswith("Serving at http://127.0.0.1:")
    yield process, said.split()[2]
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_runs_finish(server, number):
    process, place = server
    asking = subprocess.Popen(
        [sys.executable, "-c", f"import urllib.request as r; print(r.urlopen('{place}slow').read().decode())"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "began\n"
    process.send_signal(number)
    assert asking.communicate(timeout=60)[0] == '"done"\n'
    assert process.stdout.readline() == "ended\n"
    assert process.wait(60) == 0


def test_a_server_stops_answering_once_it_was_told_to_end(server):
    process, place = server
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 0
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{place}slow", timeout=5)


def test_a_taken_port_is_one_clear_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"port {port} of 127\.0\.0\.1 is taken .* --port"):
            listen(Address(port=port))


@pytest.mark.parametrize("address", [Address(port=-1), Address(port=70000)])
def test_ports_that_do_not_exist_are_refused(address):
    with pytest.raises(ValueError, match="Expected a number from 1 to 65535"):
        listen(address)


@pytest.mark.parametrize("host", ["no such host", "a" * 300, "203.0.113.7"])
def test_hosts_that_are_not_here_are_refused(host):
    with pytest.raises(ValueError, match="Expected an address of this machine"):
        listen(Address(host=host, port=0))


def test_a_port_that_was_just_left_can_be_taken_again():
    with listen(Address(port=0)) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as one:
            accepted, _ = first.accept()
            accepted.close()
            time.sleep(0.01)
            one.recv(1)
    listen(Address(port=port)).close()


def test_the_address_holds_the_token():
    with listen(Address(port=0)) as listening:
        port = listening.getsockname()[1]
        assert addresses(listening, Access()) == [f"http://127.0.0.1:{port}/"]
        token = "letters-and-digits-1"
        assert addresses(listening, Access(token=token)) == [f"http://127.0.0.1:{port}/?token={token}"]
