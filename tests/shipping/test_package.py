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

from opskit import interpreters
from opskit.__main__ import app
from opskit.interpreters import find
from opskit.package import (
    RUNTIMES,
    Package,
    PackageFailedError,
    build,
    building,
    checking,
    command,
    lazy_models,
    libraries,
    pruning,
)
from opskit.package.stubs import STUBS, Stub, write_stubs

SOURCES = Path(__file__).parents[2] / "src"
HERE = "python3.12" if sys.version_info >= (3, 12) else "python3.10"
X86_64 = 62  # the machine in an ELF header
UNCHECKED = 0b01  # the flags of byte code that nobody compares with its source (PEP 552)
NEVER = ("tests", "localcloud", "opskit", "fc2", "pip", "setuptools", "events", "deploy")
SMALL = 6_000_000  # bytes: without pruning and stubs it is over 15 MB


def names(package: Package) -> list[str]:
    with zipfile.ZipFile(package.path) as archive:
        return archive.namelist()


@pytest.fixture
def changed_code(code_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """An unpacked package that a test may change."""
    return Path(shutil.copytree(code_of(HERE), tmp_path / "code"))


def run(code: Path, program: str, *, runtime: str = HERE) -> str:
    """Returns the output, or the last line of the error, of a program beside the unpacked code."""
    ran = subprocess.run(  # noqa: S603 - an interpreter that was found, and our own program
        (find(RUNTIMES[runtime]), "-I", "-S", "-B", "-c", f"{PATH}{program}", str(code)),
        capture_output=True,
        text=True,
        check=False,
    )
    return (ran.stderr if ran.returncode else ran.stdout).strip().rpartition("\n")[2]


PATH = "import sys; sys.path.insert(0, sys.argv[1])\n"


def test_the_handler_and_the_libraries_stand_at_its_root(package: Package) -> None:
    found = names(package)
    assert {"index.py", "provisioner/handler.py", "jsonschema/__init__.py"} <= set(found)
    schemas = {path.name for path in (SOURCES / "provisioner/schemas").glob("*.json")}
    assert {Path(name).name for name in found if name.startswith("provisioner/schemas/")} >= schemas


def test_nothing_is_in_it_that_the_function_never_loads(package: Package) -> None:
    found = names(package)
    stubs = {f"{part.replace('.', '/')}/" for part in STUBS}
    folders = {f"{name.rpartition('/')[0].removesuffix('__pycache__')}" for name in found} - {""}
    kept = {f"{folder.rstrip('/')}/" for folder in folders} - stubs

    assert [name for name in found if set(NEVER) & set(Path(name).parts)] == []
    assert [name for name in kept if name.startswith(tuple(f"{n}/" for n in GONE))] == []
    assert [name for name in found if name.endswith((".pyi", ".c", ".pyx", "RECORD"))] == []
    assert package.size < SMALL


GONE = pruning.NEVER_LOADED


def test_everything_that_is_pruned_by_name_was_really_there() -> None:
    stale = [name for name in pruning.NEVER_LOADED if not is_installed(name)]
    assert stale == []


def is_installed(name: str) -> bool:
    """In this environment, which has what the package is made of, and more; or in the lock file,
    for what only another version of Python needs."""
    packages = Path(sysconfig.get_path("purelib"))
    locked = f"\n{name.replace('_', '-')}==" in building.LOCK_FILE.read_text("utf-8")
    return name == "bin" or any(packages.glob(f"{name}*")) or locked


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


def test_no_metadata_is_of_code_that_is_not_there(package: Package) -> None:
    found = {name.split("-")[0] for name in names(package) if ".dist-info/" in name}

    assert found.isdisjoint({"aiohttp", "charset_normalizer", "cryptography", "websocket_client"})
    assert {"jsonschema", "requests", "aliyun_mns_sdk", "alibabacloud_credentials"} <= found


def test_a_stub_is_in_the_place_of_each_part_that_is_never_run(
    code_of: Callable[[str], Path],
) -> None:
    code = code_of(HERE)
    replaced = [code.joinpath(*part.split(".")).with_suffix(".py") for part in STUBS]

    documents = [f"{part}.__doc__.splitlines()[0]" for part in STUBS]
    found = run(code, f"import {', '.join(STUBS)}\nprint([{', '.join(documents)}])")

    assert all(f"Has the place of {part}," in found for part in STUBS)
    assert [path for path in replaced if path.exists()] == []


PURPOSE = Stub("asynchronous calls", ("Session",), {"__version__": "3.0.0"})


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A tree with one stub."""
    write_stubs(tmp_path, {"some.part": PURPOSE})
    (tmp_path / "some/__init__.py").touch()
    return tmp_path


CLEAR = (
    "unused_part.UnusedPartError: some.part.{} was used, and this package has only a stub of "
    "some.part (asynchronous calls): tools/opskit/package/stubs.py lists the stubs"
)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("Session", "some.part.Session()"),
        ("Session", "some.part.Session.get"),
        ("Session", "isinstance(1, some.part.Session)"),
        ("Session", "issubclass(int, some.part.Session)"),
        ("Session", "class Own(some.part.Session): pass"),
        ("Missing", "some.part.Missing"),
        ("Missing", "from some.part import Missing"),
    ],
)
def test_whoever_uses_a_stub_gets_an_error_that_names_it(stub: Path, name: str, use: str) -> None:
    assert run(stub, f"import some.part\n{use}") == CLEAR.format(name)


@pytest.mark.parametrize(
    "use",
    [
        "from some.part import Session",
        "import typing; typing.Optional[some.part.Session]",
        "def call(session: some.part.Session = None): pass",
        "import inspect; inspect.unwrap(some.part.Session); inspect.getmodule(some.part)",
        "assert some.part.__version__ == '3.0.0'",
        "assert not hasattr(some.part, '__all__')",
    ],
)
def test_an_import_and_an_annotation_are_no_use_of_a_stub(stub: Path, use: str) -> None:
    assert run(stub, f"import some.part\n{use}") == ""


def test_a_name_that_a_stub_lacks_fails_the_build(changed_code: Path) -> None:
    write_stubs(changed_code, {"darabonba.websocket": Stub("calls over WebSocket")})
    shutil.rmtree(changed_code / "darabonba/websocket/__pycache__")

    with pytest.raises(PackageFailedError, match=r"darabonba\.websocket\.get_web_socket_\w+ was"):
        checking.check(find(RUNTIMES[HERE]), changed_code)


def test_a_version_that_a_library_does_not_support_fails_the_build(changed_code: Path) -> None:
    write_stubs(changed_code, {"charset_normalizer": Stub("", values={"__version__": "4.0.0"})})
    shutil.rmtree(changed_code / "charset_normalizer/__pycache__")

    with pytest.raises(PackageFailedError, match="RequestsDependencyWarning"):
        checking.check(find(RUNTIMES[HERE]), changed_code)


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        ("def handler(event, context): return '{\"outcomes\": []}'", "did not provision a group"),
        ("def handler(event, context): raise KeyError('nothing')", "KeyError: 'nothing'"),
    ],
)
def test_a_package_that_handles_no_event_fails_the_build(
    changed_code: Path, handler: str, why: str
) -> None:
    lines = "from provisioner.handler import http_handler, initialize, pre_stop"
    (changed_code / "index.py").write_text(f"{lines}\n{handler}\n")
    shutil.rmtree(changed_code / "__pycache__")

    with pytest.raises(PackageFailedError, match=why):
        checking.check(find(RUNTIMES[HERE]), changed_code)


def test_a_package_that_fails_its_checks_is_not_there(
    package_of: Callable[[str], Package], tmp_path: Path
) -> None:
    built, sources = package_of(HERE), tmp_path / "src"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("__pycache__"))
    (sources / "index.py").write_text("from provisioner.handler import nothing_of_that_name\n")
    installed = libraries.install(HERE, building.LOCK_FILE, built.path.parent)
    folder = tmp_path / "build"
    folder.mkdir()

    with pytest.raises(PackageFailedError, match="nothing_of_that_name"):
        building.assemble(find(RUNTIMES[HERE]), installed, folder / "package.zip", sources)

    assert list(folder.iterdir()) == []


MODELS = f"""
import index
for package in {lazy_models.PACKAGES!r}:
    loaded = [name for name in sys.modules if name.startswith(package + ".")]
    models = sys.modules[package]
    name = models.__all__[0]
    assert getattr(models, name).__name__ == name
    assert getattr(models, name) is getattr(models, name)
    now = [name for name in sys.modules if name.startswith(package + ".")]
    assert 0 < len(now) - len(loaded) < 10 < len(models.__all__), now
    assert not hasattr(models, "Missing")
    print(len(loaded), end=" ")
"""


def test_a_model_is_loaded_when_it_is_first_asked_for(
    package: Package, code_of: Callable[[str], Path]
) -> None:
    assert run(code_of(package.runtime), MODELS, runtime=package.runtime) == "0 0"


@pytest.mark.parametrize(
    ("index", "why"),
    [
        ("from ._group import Group\nGroup.limit = 20\n", "line 2 of"),
        ("from .group.model import *\n", "line 1 of"),
        ("__all__ = []\n", "imports no model"),
    ],
)
def test_an_index_of_models_that_does_more_fails_the_build(
    tmp_path: Path, index: str, why: str
) -> None:
    for package in lazy_models.PACKAGES:
        folder = tmp_path.joinpath(*package.split("."))
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(index)

    with pytest.raises(PackageFailedError, match=why):
        lazy_models.write_lazy_models(tmp_path)


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
    found = libraries.install(HERE, building.LOCK_FILE, built.path.parent)
    again, elsewhere = tmp_path / "again.zip", tmp_path / "of-another-interpreter"
    elsewhere.symlink_to(found)  # its name is a digest of the interpreter's path, among others
    building.assemble(find(RUNTIMES[HERE]), elsewhere, again)
    assert again.read_bytes() == built.path.read_bytes()


def test_the_stubs_and_the_indexes_of_models_are_the_same_whenever_they_are_written(
    code_of: Callable[[str], Path], tmp_path: Path
) -> None:
    indexes = [Path(*name.split("."), "__init__.py") for name in lazy_models.PACKAGES]
    write_stubs(tmp_path)
    for index in indexes:
        (tmp_path / index).parent.mkdir(parents=True)
        shutil.copyfile(Path(sysconfig.get_path("purelib")) / index, tmp_path / index)
    lazy_models.write_lazy_models(tmp_path)

    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.py")]
    assert len(written) == len(STUBS) + len(indexes) + 1
    for name in written:
        assert (code_of(HERE) / name).read_bytes() == (tmp_path / name).read_bytes()


def test_what_is_made_of_the_same_is_not_made_again(package_of: Callable[[str], Package]) -> None:
    built = package_of(HERE)
    before = built.path.stat().st_ino
    assert build(HERE, built.path.parent) == built
    assert built.path.stat().st_ino == before


def test_a_package_of_other_sources_is_made_again(
    package_of: Callable[[str], Package], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, sources = package_of(HERE), tmp_path / "src"
    found = libraries.install(HERE, building.LOCK_FILE, built.path.parent)
    monkeypatch.setattr(libraries, "install", lambda *_given, **_options: found)
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("__pycache__"))
    for made in (built.path, built.path.with_suffix(".made-of")):
        shutil.copyfile(made, tmp_path / made.name)
    assert build(HERE, tmp_path, sources=sources).files == built.files
    (sources / "provisioner" / "added.py").touch()
    assert build(HERE, tmp_path, sources=sources).files == built.files + 2  # and its byte code


def test_without_the_runtimes_interpreter_it_is_named_and_nothing_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(interpreters, "find", lambda _version: "")
    with pytest.raises(PackageFailedError, match=r"Python 3\.12 is needed") as caught:
        build("python3.12", tmp_path)
    assert "RUNTIME" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_pip_that_fails_is_an_error_with_what_it_said_and_leaves_nothing(tmp_path: Path) -> None:
    lock_file, folder = tmp_path / "requirements.txt", tmp_path / "build"
    folder.mkdir()
    lock_file.write_text("")
    lock_file.with_name("requirements-build.txt").write_text("no requirement at all\n")
    with pytest.raises(PackageFailedError, match=r"^-m pip .* failed:\n(.|\n)*Invalid requirement"):
        libraries.install(HERE, lock_file, folder)
    assert list(folder.iterdir()) == []


def test_a_source_that_cannot_be_compiled_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def")
    with pytest.raises(PackageFailedError, match=r"^-m compileall -q failed:\n(.|\n)*broken\.py"):
        libraries.compile_all(sys.executable, tmp_path)


def test_a_runtime_that_there_is_not_is_refused() -> None:
    with pytest.raises(PackageFailedError, match=r"python3\.10 or python3\.12"):
        build("python2.7")


def test_the_command_tells_where_it_is_how_large_and_of_how_many_files(
    package_of: Callable[[str], Package], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = package_of(HERE)
    monkeypatch.setattr(command, "build", lambda _runtime, anew: built)  # noqa: ARG005
    told = CliRunner().invoke(app, ["package", "--runtime", HERE])
    assert told.exit_code == 0
    assert told.stdout.split(": ")[1].startswith(f"{built.files} files, ")
    as_json = CliRunner().invoke(app, ["package", "--runtime", HERE, "--json"])
    assert json.loads(as_json.stdout)["size"] == built.size


def test_the_command_says_what_it_cannot_build() -> None:
    told = CliRunner().invoke(app, ["package", "--runtime", "python2.7"])
    assert told.exit_code == 2
    assert "there is no runtime python2.7" in told.stderr


def test_the_function_ships_no_client_of_function_compute_and_the_operators_tools_have_it() -> None:
    """`aliyun-fc2` is for who calls the function."""
    ships, develops = (
        re.findall(r"^([\w-]+==[\w.]+)", (building.ROOT / name).read_text("utf-8"), re.MULTILINE)
        for name in ("requirements.txt", "requirements-dev.txt")
    )

    assert [name for name in ships if name.startswith(("aliyun-fc", "alibabacloud-fc"))] == []
    assert any(name.startswith("aliyun-fc2==") for name in develops)
    assert set(ships) <= set(develops), "tests run on other versions than those that ship"
