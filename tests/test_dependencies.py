"""What the code imports is declared, so that no import hangs on what another package happens to bring."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent


def test_every_import_is_declared() -> None:
    """Each package that `studio` imports, also within functions, is a dependency or an extra of the project."""
    project = tomllib.loads((_REPOSITORY / "pyproject.toml").read_text())["project"]
    declared = {_name(entry) for entry in [*project["dependencies"], *project["optional-dependencies"]["cuda"]]}
    providers = packages_distributions()
    missing = {
        module
        for module in _imported()
        if not declared & {_name(distribution) for distribution in providers.get(module, [module])}
    }
    assert not missing


def _imported() -> set[str]:
    """Top-level names of the packages of others that `studio` imports."""
    names: set[str] = set()
    for path in (_REPOSITORY / "studio").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"studio"}


def _name(requirement: str) -> str:
    """A distribution's normalized name, without versions and markers."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-").replace(".", "-")
