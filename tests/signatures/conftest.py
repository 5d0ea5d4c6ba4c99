"""A finished run without a network: signing looks at files, not at what is in them."""

import pytest

from clearsight.run import Run
from clearsight.types import Card


@pytest.fixture
def run(tmp_path):
    run = Run.create(tmp_path / "runs" / "one", "yolo", "blood/")
    run.write_card(
        Card(title="yolo on blood", task="detection", summary="", findings=(), cost=None, responsible="A. Person")
    )
    run.write_file("weights.safetensors", bytes(range(256)))
    run.write_file("evidence/test.safetensors", b"evidence")
    run.write_file("examples/1.png", b"picture")
    run.append_log({"loss": 1})
    run.change(state="finished", data_name="blood", fingerprint="sha256:abc")
    return run
