"""The zip that ships: what is in it, what is not, and that it is the same whenever it is built."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opskit import interpreters, shipping
from opskit.__main__ import app
from opskit.interpreters import find
from opskit.package import (
    RUNTIMES,
    Package,
    PackageFailedError,
    build,
    building,
    libraries,
    pruning,
)

SOURCES = Path(__file__).parents[2] / "src"
HERE = "python3.12" if sys.version_info >= (3, 12) else "python3.10"
X86_64 = 62  # the machine in an ELF header
UNCHECKED = 0b01  # the flags of byte code that nobody compares with its source (PEP 552)
NEVER = ("tests", "localcloud", "opskit", "pip", "setuptools", "events", "deploy")

# Everything that the function's libraries import when nothing is put off, and then the function.
PLAIN = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
for name in ("alibabacloud_slb20140515.client", "alibabacloud_ess20220222.client", "mns.account",
    "mns.topic", "mns.queue", "aws_lambda_powertools", "aws_lambda_powertools.metrics",
    "jsonschema", "requests", "aiohttp", "websocket", "apscheduler.schedulers.background",
    "cryptography.hazmat.primitives.asymmetric.padding", "darabonba.websocket"):
    importlib.import_module(name)
import index, provisioner
for module in pkgutil.walk_packages(provisioner.__path__, "provisioner."):
    importlib.import_module(module.name)
print(provisioner.__path__[0])
"""


def names(package: Package) -> list[str]:
    with zipfile.ZipFile(package.path) as archive:
        return archive.namelist()


def test_the_handler_and_the_libraries_stand_at_its_root(package: Package) -> None:
    found = names(package)
    assert {"index.py", "provisioner/handler.py", "jsonschema/__init__.py"} <= set(found)
    schemas = {path.name for path in (SOURCES / "provisioner/schemas").glob("*.json")}
    assert {Path(name).name for name in found if name.startswith("provisioner/schemas/")} >= schemas


def test_nothing_is_in_it_that_the_function_never_loads(package: Package) -> None:
    found = names(package)
    assert [name for name in found if set(NEVER) & set(Path(name).parts)] == []
    assert [
        name for name in found if name.startswith(tuple(f"{n}/" for n in pruning.NEVER_LOADED))
    ] == []
    assert [name for name in found if name.endswith((".pyi", ".c", ".pyx", "RECORD"))] == []


def test_everything_that_is_pruned_by_name_was_really_there() -> None:
    stale = [name for name in pruning.NEVER_LOADED if not is_installed(name)]
    assert stale == []


def is_installed(name: str) -> bool:
    """In this environment, which has what the package is made of, and more."""
    packages = Path(sysconfig.get_path("purelib"))
    return name == "bin" or any(packages.glob(f"{name}*"))


def test_every_licence_goes_with_the_code_it_is_of(package: Package) -> None:
    metadata = {name.split("/")[0] for name in names(package) if ".dist-info/" in name}
    licensed = {
        name.split("/")[0]
        for name in names(package)
        if re.search("LICEN|COPYING", name, re.IGNORECASE)
    }
    without = {name.partition("-")[0] for name in metadata - licensed}
    # Their wheels have none.
    assert {
        name for name in without if not name.startswith(("alibabacloud", "aliyun", "darabonba"))
    } == set()


def test_byte_code_is_of_the_runtime_and_is_loaded_unchecked(package: Package) -> None:
    magic = subprocess.run(  # noqa: S603 - an interpreter that was found
        (
            find(RUNTIMES[package.runtime]),
            "-c",
            "import importlib.util as u, sys; sys.stdout.buffer.write(u.MAGIC_NUMBER)",
        ),
        capture_output=True,
        check=True,
    ).stdout
    with zipfile.ZipFile(package.path) as archive:
        sources = {name for name in archive.namelist() if name.endswith(".py")}
        compiled = [name for name in archive.namelist() if name.endswith(".pyc")]
        assert len(compiled) == len(sources)
        for name in compiled:
            head = archive.read(name)[:8]
            assert (head[:4], struct.unpack("<I", head[4:])[0]) == (magic, UNCHECKED)
        assert str(Path.home()).encode() not in archive.read(compiled[0])


def test_every_extension_is_for_linux_on_x86_64_and_for_the_runtime(package: Package) -> None:
    tag = f"cpython-{package.runtime.removeprefix('python').replace('.', '')}-x86_64-linux-gnu"
    with zipfile.ZipFile(package.path) as archive:
        extensions = [name for name in archive.namelist() if ".so" in name]
        assert extensions
        for name in extensions:
            assert tag in name or ".abi3." in name
            head = archive.read(name)[:20]
            assert (head[:4], struct.unpack("<H", head[18:])[0]) == (b"\x7fELF", X86_64)


def test_all_entries_are_sorted_and_bear_one_date_and_one_mode(package: Package) -> None:
    with zipfile.ZipFile(package.path) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr for entry in entries} == {0o100644 << 16}
    assert (package.size, package.files) == (package.path.stat().st_size, len(entries))


def test_two_builds_are_the_same_to_the_byte(
    package_of: Callable[[str], Package], tmp_path: Path
) -> None:
    built = package_of(HERE)
    found = libraries.made(HERE, building.ROOT / "requirements.txt", built.path.parent)
    again, elsewhere = tmp_path / "again.zip", tmp_path / "of-another-interpreter"
    elsewhere.symlink_to(found)  # its name is a digest of the interpreter's path, among others
    building.assemble(find(RUNTIMES[HERE]), elsewhere, again)
    assert again.read_bytes() == built.path.read_bytes()


def test_what_is_made_of_the_same_is_not_made_again(package_of: Callable[[str], Package]) -> None:
    built = package_of(HERE)
    before = built.path.stat().st_ino
    assert build(HERE, built.path.parent) == built
    assert built.path.stat().st_ino == before


def test_a_package_of_other_sources_is_made_again(
    package_of: Callable[[str], Package], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = package_of(HERE)
    found = libraries.made(HERE, building.ROOT / "requirements.txt", built.path.parent)
    few = tmp_path / found.name  # the libraries are taken to be the same if their folder's name is
    few.mkdir()
    (few / "library.py").touch()
    monkeypatch.setattr(libraries, "made", lambda *_given, **_options: few)
    for made in (built.path, built.path.with_suffix(".made-of")):
        shutil.copyfile(made, tmp_path / made.name)
    assert build(HERE, tmp_path).files == built.files
    monkeypatch.setattr(building, "_SHIPPED", ("index.py",))
    again = {name.rpartition("/")[2].partition(".")[0] for name in names(build(HERE, tmp_path))}
    assert again == {"index", "library"}


def test_what_the_sdks_import_is_all_there_even_if_nothing_is_put_off(
    package: Package, tmp_path: Path
) -> None:
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(tmp_path)
    ran = subprocess.run(  # noqa: S603 - an interpreter that was found
        (find(RUNTIMES[package.runtime]), "-I", "-B", "-c", PLAIN, str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, str(tmp_path / "provisioner")), ran.stderr


def test_without_the_runtimes_interpreter_it_is_named_and_nothing_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(interpreters, "find", lambda _version: "")
    with pytest.raises(PackageFailedError, match=r"Python 3\.12 is needed") as caught:
        build("python3.12", tmp_path)
    assert "RUNTIME" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_runtime_that_there_is_not_is_refused() -> None:
    with pytest.raises(PackageFailedError, match=r"python3\.10 or python3\.12"):
        build("python2.7")


def test_the_command_tells_where_it_is_how_large_and_of_how_many_files(
    package_of: Callable[[str], Package], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = package_of(HERE)
    monkeypatch.setattr(shipping, "build", lambda _runtime, anew: built)  # noqa: ARG005
    told = CliRunner().invoke(app, ["package", "--runtime", HERE])
    assert told.exit_code == 0
    assert told.stdout.split(": ")[1].startswith(f"{built.files} files, ")
    as_json = CliRunner().invoke(app, ["package", "--runtime", HERE, "--json"])
    assert json.loads(as_json.stdout)["size"] == built.size


def test_the_command_says_what_it_cannot_build() -> None:
    told = CliRunner().invoke(app, ["package", "--runtime", "python2.7"])
    assert told.exit_code == 2
    assert "there is no runtime python2.7" in told.stderr
