"""The Python that the documentation shows runs as it stands, but for blocks that say why not; these fit the verbs."""

import ast
import inspect
import shutil

import pages
import pytest

import clearsight as cs

BLOCKS = pages.python_blocks()
RUN_ALONE = [each for each in BLOCKS if not each.reason and not each.of_the_companion]


@pytest.fixture(scope="module")
def folder(tiny_run, rectangles, tmp_path_factory):
    """Where a reader would be: data, new pictures, two runs, an exported model."""
    here = tmp_path_factory.mktemp("reader")
    shutil.copytree(rectangles, here / "blood")
    (here / "new").mkdir()
    for number in range(50, 54):
        shutil.copy(rectangles / "JPEGImages" / f"scene{number:03d}.png", here / "new")
    shutil.copy(rectangles / "JPEGImages" / "scene050.png", here / "photo.jpg")
    for number in (1, 2):
        shutil.copytree(tiny_run.path, here / "runs" / f"yolo-blood-{number}")
    cs.export(here / "runs" / "yolo-blood-1", to="onnx", out=here / "model.onnx")
    return here


@pytest.mark.parametrize("block", RUN_ALONE, ids=lambda each: each.place)
def test_it_runs(block, folder, monkeypatch):
    monkeypatch.chdir(folder)
    exec(compile(block.text, block.place, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", BLOCKS, ids=lambda each: each.place)
def test_its_calls_fit_the_verbs(block):
    assert not list(misfits(block.text)), block.place


def misfits(text):
    """The calls of ``cs.VERB(...)`` whose arguments the verb does not take."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("cs."):
            name = ast.unparse(node.func).removeprefix("cs.")
            try:
                signature = inspect.signature(getattr(cs, name))
                signature.bind(*node.args, **{str(each.arg): each.value for each in node.keywords})
            except (AttributeError, TypeError) as error:
                yield f"{ast.unparse(node)}: {error}"


@pytest.mark.parametrize(
    "text", ['cs.train("yolo", "blood/", minuts=10)', 'cs.predict("run")', 'cs.prediction("run", "new/")']
)
def test_a_wrong_call_would_be_found(text):
    assert len(list(misfits(f"import clearsight as cs\nx = {text}"))) == 1


def test_a_reason_marks_one_block_only():
    text = "<!-- not run: a reason -->\n```python\na\n```\n\n```python\nb\n```\n\n    indented\n"
    found = list(pages.blocks(text, "page"))
    assert [(each.text, each.reason, each.language) for each in found] == [
        ("a", "a reason", "python"),
        ("b", "", "python"),
        ("indented", "", ""),
    ]
    assert found[1].place == "page:7"


def test_most_blocks_are_run():
    assert len([each for each in BLOCKS if each.reason]) <= 4 and len(RUN_ALONE) >= 7
