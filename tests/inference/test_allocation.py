import subprocess
import sys

import pytest

PROGRAM = """
import resource, torch
from clearsight.inference.allocation import keep_freed_memory
{kept}
def rounds():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(16_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
rounds()
print(rounds())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="speaks of glibc")
def test_memory_freed_is_taken_again_without_new_pages():
    faults = []
    for kept in ("keep_freed_memory()", ""):
        program = [sys.executable, "-c", PROGRAM.format(kept=kept)]
        faults.append(int(subprocess.run(program, check=True, capture_output=True, text=True).stdout))
    assert faults[0] * 5 < faults[1]
