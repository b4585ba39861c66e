"""Runs the cells of a notebook one after another, as a kernel would, and fails when one raises."""

import ast
import asyncio
import inspect
import json
import os
import types
from unittest.mock import patch


def run_notebook(path, environment, folder):
    """In that environment and working folder."""
    book = json.loads(path.read_text())
    module = types.ModuleType("__main__")
    before = os.getcwd()
    with patch.dict(os.environ, environment), asyncio.Runner() as runner:
        os.chdir(folder)
        try:
            for number, cell in enumerate(book["cells"]):
                if cell["cell_type"] == "code":
                    assert cell["outputs"] == [], f"{path.name} is kept without outputs"
                    runner.run(_run_cell("".join(cell["source"]), f"{path.name}[{number}]", vars(module)))
        finally:
            os.chdir(before)


async def _run_cell(source, name, names):
    tree = ast.parse(source)
    shown = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    await _run(tree, "exec", name, names)
    if shown is not None:
        value = await _run(ast.Expression(shown.value), "eval", name, names)
        if hasattr(value, "_repr_html_"):
            assert value._repr_html_()


async def _run(tree, mode, name, names):
    code = compile(tree, name, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    value = eval(code, names)
    return await value if code.co_flags & inspect.CO_COROUTINE else value
