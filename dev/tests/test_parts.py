"""Models are made of parts, a file each (``_inherit``): no part may swallow a method of another one."""

import ast
from collections import defaultdict
from pathlib import Path

ADDON = Path(__file__).parents[2] / "lead_scoring"


def loaded(folder):
    """Yield the trees of a folder's modules in the order in which Python loads them, with their names."""
    done = set()

    def visit(name):
        path = folder / f"{name}.py"
        if name in done or not path.exists():
            return
        done.add(name)
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                for module in [node.module] if node.module else [alias.name for alias in node.names]:
                    yield from visit(module)
        yield name, tree

    for node in ast.parse((folder / "__init__.py").read_text()).body:
        for alias in node.names:
            yield from visit(alias.name)


def parts(modules):
    """Yield ``(model, method, module, whether it calls super())`` of every method, in the order of loading."""
    for name, tree in modules:
        for part in tree.body:
            if not isinstance(part, ast.ClassDef) or not (model := model_of(part)):
                continue
            for method in part.body:
                if isinstance(method, ast.FunctionDef):
                    calls = any(isinstance(node, ast.Name) and node.id == "super" for node in ast.walk(method))
                    yield model, method.name, name, calls


def model_of(part):
    """Return the name of the model that a class is a part of; None if it is of none."""
    stated = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in part.body
        if isinstance(node, ast.Assign) and node.targets[0].id in ("_name", "_inherit")
    }
    name = stated.get("_name") or stated.get("_inherit")
    return name if isinstance(name, str) else None


def swallowed(modules):
    """Return ``(model, method, module)`` of what a later part defines anew without calling the earlier one."""
    seen, found = defaultdict(list), []
    for model, method, module, calls in parts(modules):
        if seen[model, method] and not calls:
            found.append((model, method, module))
        seen[model, method].append(module)
    return found


def test_no_part_of_a_model_swallows_a_method_of_another_part():
    assert not swallowed([*loaded(ADDON / "models"), *loaded(ADDON / "wizard")])


def test_models_of_several_parts_are_looked_at():
    of_several = defaultdict(set)
    for model, _method, module, _calls in parts(loaded(ADDON / "models")):
        of_several[model].add(module)
    assert len(of_several["lead.scoring.model"]) > 5
    assert len(of_several["crm.lead"]) > 5


def test_a_swallowed_method_is_found_whichever_part_is_loaded_first(tmp_path):
    (tmp_path / "__init__.py").write_text("from . import b, a\n")
    (tmp_path / "a.py").write_text("class A:\n    _name = 'm'\n    def go(self):\n        pass\n")
    part = "class A:\n    _inherit = 'm'\n    def go(self):\n        %s\n"
    for body, found in (("pass", [("m", "go", "b")]), ("return super().go()", [])):
        (tmp_path / "b.py").write_text("from .a import A\n" + part % body)
        assert swallowed(loaded(tmp_path)) == found
    (tmp_path / "b.py").write_text(part % "return super().go()")
    assert swallowed(loaded(tmp_path)) == [("m", "go", "a")]
