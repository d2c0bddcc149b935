import pkgutil
import subprocess
import sys
from importlib.metadata import version

import xstilts


def test_public_names_are_importable_and_documented():
    for name in xstilts.__all__:
        assert getattr(xstilts, name).__doc__


def test_no_public_name_is_shadowed_by_a_module():
    modules = {module.name for module in pkgutil.iter_modules(xstilts.__path__)}
    assert modules.isdisjoint(xstilts.__all__)


def test_importing_the_package_imports_nothing():
    code = "import sys; import xstilts; print(*(name for name in sys.modules if name.startswith('xstilts')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["xstilts"]


def test_package_runs_as_a_module():
    process = subprocess.run([sys.executable, "-m", "xstilts", "--version"], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == version("xstilts")
