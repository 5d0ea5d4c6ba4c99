"""Requests per second of `clearsight serve` beside a plain FastAPI handler, and a server under hostile uploads.

    python benchmarks/serving.py speed RUN PICTURES
    python benchmarks/serving.py hostile RUN PICTURES

``speed``: 16 clients on loopback, each sending one picture after the other, to two servers by turns in the same run:
`clearsight serve`, and a handler as the documentation of FastAPI shows it (``def``, so in FastAPI's threads), which
decodes, predicts with the same predictor and writes the same rows. Of a `yolo` of 416 px, say one trained by
`clearsight train yolo blood/ --minutes 10`. Result: requests per second, p50 and p99 of both, and their ratio.

``hostile``: a thousand uploads that mean harm (damaged pictures and headers, bombs, wrong types, requests cut in the
middle), while honest clients go on; then two thousand requests at once. Result: how each was answered, whether every
honest answer was the right one, and the peak of the server's memory.
"""

import argparse
import asyncio
import collections
import concurrent.futures
import contextlib
import http.client
import json
import random
import resource
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

BOUNDARY = "picture-boundary"
WRONG = [b"<svg/>", b"PK\x03\x04" + b"\0" * 999, b"%!PS-Adobe", b"MZ"]


def main() -> None:
    """Measure, and print what was found as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["speed", "hostile", "plain"])
    parser.add_argument("run")
    parser.add_argument("pictures", nargs="?")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--burst", type=int, default=2000)
    options = parser.parse_args()
    if options.what == "plain":
        plain(options.run)
        return
    files = sorted(path for path in Path(options.pictures).iterdir() if path.suffix in (".jpg", ".png"))[:32]
    bodies = [form(path.name, path.read_bytes()) for path in files]
    print(json.dumps((speed if options.what == "speed" else hostile)(options, bodies), indent=2))


def plain(run: str) -> None:
    """A server as anyone would write it first, around the same predictor."""
    import torch
    import uvicorn
    from fastapi import FastAPI, UploadFile

    from clearsight.files import decoding
    from clearsight.loading import trained
    from clearsight.prediction.filtering import Filter
    from clearsight.prediction.output import rows_of

    opened = trained.opened(run)
    chosen = Filter.of(opened, None, (), (), None)
    predictor = trained.predictor(opened, least_score=chosen.least_score)
    app = FastAPI()

    @app.post("/v1/predict")
    def predict(file: UploadFile) -> dict:
        image = torch.from_numpy(decoding.decode(file.file.read())).permute(2, 0, 1).contiguous()
        found, _ = chosen(next(iter(predictor([image]))))
        return {"rows": rows_of(found, chosen.class_names, chosen.thresholds, chosen.calibration)}

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        print(f"Serving at http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run([listening])


def form(name: str, content: bytes) -> bytes:
    """A multipart form with one file."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


@contextlib.contextmanager
def server(*command: str):
    """A server in a process of its own, and the port it said."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        said = process.stdout.readline()
        yield process, int(said.split(":")[2].split("/")[0])
    finally:
        process.terminate()
        process.wait(60)


def ask(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    """One request and its answer."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection.request("POST", "/v1/predict", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def turn(port: int, bodies: list[bytes], clients: int, seconds: float) -> list[float]:
    """The seconds of every request that the clients send for so long, one after the other each."""
    until = time.monotonic() + seconds

    def client(place: int) -> list[float]:
        connection, times, number = http.client.HTTPConnection("127.0.0.1", port, timeout=120), [], place
        while (began := time.monotonic()) < until:
            status, _ = ask(connection, bodies[number % len(bodies)])
            assert status == 200, status
            times.append(time.monotonic() - began)
            number += 1
        return times

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return [one for times in pool.map(client, range(clients)) for one in times]


def speed(options: argparse.Namespace, bodies: list[bytes]) -> dict:
    """Both servers by turns."""
    ours = ("-m", "clearsight.cli", "serve", options.run, "--port", "0")
    found: dict[str, list[list[float]]] = {"clearsight serve": [], "plain handler": []}
    with server(*ours) as (_, first), server(__file__, "plain", options.run) as (_, second):
        ports = {"clearsight serve": first, "plain handler": second}
        for port in ports.values():
            turn(port, bodies, options.clients, 2)
        for _ in range(options.turns):
            for name, port in ports.items():
                found[name].append(turn(port, bodies, options.clients, options.seconds))
    result = {}
    for name, turns in found.items():
        times = sorted(one for each in turns for one in each)
        result[name] = {
            "requests": len(times),
            "requests per second": round(len(times) / (options.seconds * options.turns), 1),
            "by turn": [round(len(each) / options.seconds, 1) for each in turns],
            "p50_ms": round(1000 * statistics.median(times), 1),
            "p99_ms": round(1000 * times[int(0.99 * len(times))], 1),
        }
    one, other = result["clearsight serve"], result["plain handler"]
    return {
        **result,
        "ratio": round(one["requests per second"] / other["requests per second"], 2),
        "p99 / p50": round(one["p99_ms"] / one["p50_ms"], 2),
        "clients": options.clients,
    }


def png_bomb(width: int, height: int) -> bytes:
    """A PNG whose header claims a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 10**6)) + chunk(b"IEND", b"")
    )


def damaged(picture: bytes, dice: random.Random) -> bytes:
    """A picture with a few bytes of its beginning changed, and cut at times."""
    content = bytearray(picture)
    for _ in range(dice.randint(1, 16)):
        content[dice.randrange(min(400, len(content)))] = dice.randrange(256)
    return bytes(content[: dice.choice([len(content), dice.randrange(1, len(content))])])


def evil(dice: random.Random, picture: bytes) -> tuple[str, bytes]:
    """A kind of harm, and the bytes to send."""
    kind = dice.choice(["damaged", "bomb", "wrong type", "headers", "form", "cut", "garbage", "long"])
    whole = {
        "damaged": lambda: form("a.jpg", damaged(picture, dice)),
        "bomb": lambda: form("a.png", png_bomb(*dice.choice([(40_000, 40_000), (7000, 7500), (60_000, 1)]))),
        "wrong type": lambda: form("a.svg", dice.choice(WRONG)),
        "form": lambda: dice.randbytes(dice.randrange(1, 3000)),
    }.get(kind, lambda: form("a.jpg", picture))()  # fmt: skip
    length, extra = len(whole), ""
    if kind == "headers":
        extra = "".join(
            f"{dice.choice(['X-A', 'Host', 'Origin', 'Content-Encoding', 'Cookie', 'Accept'])}: "
            f"{dice.randbytes(dice.randrange(1, 40)).decode('latin-1').translate({10: 65, 13: 65, 0: 65})}\r\n"
            for _ in range(dice.randint(1, 5))
        )
    if kind == "long":
        length = 10**11
    head = (
        f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"{extra}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    if kind == "garbage":
        return kind, dice.randbytes(dice.randrange(1, 4000)) + b"\r\n\r\n"
    sent = head.encode("latin-1") + whole
    return kind, sent[: dice.randrange(1, len(sent))] if kind == "cut" else sent


def throw(port: int, content: bytes, leaves: bool) -> str:
    """Send bytes, and say how they were answered: a status, or that the connection was closed; or leave at once."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            connection.sendall(content)
            if leaves:
                return "left"
            first = connection.recv(64)
        except OSError:
            return "closed"
    return first[9:12].decode("latin-1") if first.startswith(b"HTTP/1.1 ") else "closed"


def hostile(options: argparse.Namespace, bodies: list[bytes]) -> dict:
    """Harm and honest clients at once, then everybody at once."""
    picture = bodies[0].partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
    answers: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    honest: collections.Counter = collections.Counter()
    with server("-m", "clearsight.cli", "serve", options.run, "--port", "0") as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        expected = [ask(connection, body)[1] for body in bodies[:4]]
        before, over = memory(process.pid), threading.Event()

        def go_on(place: int) -> None:
            mine = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            while not over.is_set():
                status, content = ask(mine, bodies[place])
                honest["right" if same(content, expected[place]) else f"wrong {status}"] += status != 503
                honest["sent again (503)"] += status == 503

        def harm(number: int) -> None:
            kind, content = evil(random.Random(number), picture)
            answers[kind][throw(port, content, leaves=kind == "cut")] += 1

        threads = [threading.Thread(target=go_on, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(harm, range(options.uploads)))
        over.set()
        for thread in threads:
            thread.join()
        after = memory(process.pid)
        burst = at_once(port, bodies[0], options.burst)
        alive = process.poll() is None
        right = ask(http.client.HTTPConnection("127.0.0.1", port, timeout=120), bodies[0])[1]
        right = same(right, expected[0])
        peak = memory(process.pid)
    return {
        "hostile": {kind: dict(found) for kind, found in sorted(answers.items())}, "honest": dict(honest),
        f"{options.burst} at once": dict(burst), "alive": alive, "right afterwards": right,
        "peak_mib": {"before": before, "after hostile": after, "after all at once": peak},
    }  # fmt: skip


def same(one: bytes, other: bytes) -> bool:
    """Whether two answers hold the same objects: in a batch of another size numbers differ by rounding."""
    rows = [json.loads(content).get("rows", []) for content in (one, other)]
    return len(rows[0]) == len(rows[1]) and all(
        a["category_name"] == b["category_name"]
        and abs(a["score"] - b["score"]) < 2e-3
        and all(abs(x - y) < 0.5 for x, y in zip(a["bbox"], b["bbox"], strict=True))
        for a, b in zip(*rows, strict=True)
    )


def at_once(port: int, body: bytes, count: int) -> collections.Counter:
    """How so many requests are answered that are all open before the first is sent."""
    head = (
        f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 200)), hard))

    async def one(ready: asyncio.Event) -> str:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            return f"no connection ({type(error).__name__})"
        try:
            await ready.wait()
            writer.write(head + body)
            first = await asyncio.wait_for(reader.read(64), 120)
            return first[9:12].decode("latin-1") if first else "closed"
        except (OSError, TimeoutError) as error:
            return type(error).__name__
        finally:
            writer.close()

    async def everybody() -> list[str]:
        ready = asyncio.Event()
        asking = [asyncio.create_task(one(ready)) for _ in range(count)]
        await asyncio.sleep(3)
        ready.set()
        return await asyncio.gather(*asking)

    return collections.Counter(asyncio.run(everybody()))


def memory(pid: int) -> int:
    """The peak of a process's memory in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) // 1024


if __name__ == "__main__":
    main()
