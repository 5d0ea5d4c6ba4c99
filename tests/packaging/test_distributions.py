"""What is published: a wheel and a source distribution with all that is needed, nothing else, that work elsewhere."""

import email
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "runs", "site"
)
BUILD = """
import sys
from setuptools import build_meta

print(build_meta.build_sdist(sys.argv[1]))
"""
BUILD_WHEEL = BUILD.replace("build_sdist", "build_wheel")


def built(code, folder, out):
    """The distribution that setuptools makes of a folder, without a network."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(out)], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """A source distribution of a clean copy of the repository, and the wheel made of what that holds."""
    folder = tmp_path_factory.mktemp("distributions")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE, symlinks=True)
    source = built(BUILD, folder / "source", folder)
    with tarfile.open(source) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return source, built(BUILD_WHEEL, unpacked, folder)


def needed():
    """Every file of the package that git would know: code, tables, templates, styles, the mark of typed code."""
    found = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name and ".egg-info" not in name}


def test_the_wheel_holds_the_package_and_nothing_else(distributions):
    with zipfile.ZipFile(distributions[1]) as archive:
        names = set(archive.namelist())
    of_package = {name for name in names if name.startswith("clearsight/")}
    assert of_package == needed()
    assert {Path(name).suffix for name in of_package} >= {".py", ".css", ".csv", ".jinja", ".typed"}
    folder = distributions[1].name.rsplit("-", 3)[0] + ".dist-info"
    assert names - of_package == {
        f"{folder}/{name}"
        for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt", "licenses/LICENSE",
                     "licenses/NOTICE")
    }  # fmt: skip


def test_the_source_distribution_holds_what_a_build_needs_and_no_tests_or_pages(distributions):
    with tarfile.open(distributions[0]) as archive:
        names = {each.name.split("/", 1)[1] for each in archive.getmembers() if each.isfile()}
    generated = {name for name in names if name == "PKG-INFO" or name.startswith("src/clearsight.egg-info/")}
    assert names - generated - {"setup.cfg"} == {f"src/{name}" for name in needed()} | {
        "CHANGELOG.md", "CITATION.cff", "LICENSE", "MANIFEST.in", "NOTICE", "README.md", "pyproject.toml"
    }  # fmt: skip


def test_the_metadata_say_what_the_project_says(distributions):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with zipfile.ZipFile(distributions[1]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        said = email.message_from_bytes(archive.read(name))
    for name in ("name", "version", "requires-python"):
        assert said[name] == project[name]
    assert said["License-Expression"] == "Apache-2.0"
    assert set(said.get_all("Provides-Extra")) == set(project["optional-dependencies"])
    import clearsight

    assert clearsight.__version__ == project["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {project['version']}\n" in citation


def environment(folder, wheel):
    """An environment with the wheel of its own and everything else of this one; the folder of its commands."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet", "--no-index",
         "--no-deps", wheel],
        check=True, timeout=120, env={**os.environ, "PIP_CONSTRAINT": ""},
    )  # fmt: skip
    # Only now may it see the other environment, whose own clearsight pip would otherwise have taken away.
    place = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    others = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (place / "everything_else.pth").write_text("".join(f"{each}\n" for each in others))
    return folder / "bin"


def called(commands, *words, cwd):
    """What a command of that environment prints, from another folder and without what this process was given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    done = subprocess.run(
        [commands / words[0], *words[1:]], cwd=cwd, env=clean, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_wheel_works_from_another_folder(distributions, tmp_path):
    commands = environment(tmp_path / "environment", distributions[1])
    here = tmp_path / "elsewhere"
    here.mkdir()
    where = called(commands, "python", "-c", "import clearsight; print(clearsight.__file__)", cwd=here)
    assert Path(where.strip()).is_relative_to(tmp_path / "environment")
    assert "demo" in called(commands, "clearsight", "--help", cwd=here)
    assert "yolo" in called(commands, "clearsight", "models", cwd=here)
    called(commands, "clearsight", "train", "linear", "sklearn:diabetes", "--zone", "FRA", "--quiet", cwd=here)
    report = (here / "runs" / "linear-diabetes-1" / "report.html").read_text(encoding="utf-8")
    assert "<style>" in report and "CO2e" in report


@pytest.mark.slow
@pytest.mark.parametrize("kind", [0, 1], ids=["source distribution", "wheel"])
def test_a_fresh_environment_with_all_that_is_declared_runs_the_demo(distributions, tmp_path, kind):
    venv.EnvBuilder(with_pip=True, symlinks=True).create(tmp_path / "environment")
    commands = tmp_path / "environment" / "bin"
    subprocess.run([commands / "pip", "install", "--quiet", distributions[kind]], check=True, timeout=1800)
    said = called(commands, "clearsight", "demo", "--quiet", "--json", cwd=tmp_path)
    assert '"run"' in said and list((tmp_path / "runs").glob("*/report.html"))
