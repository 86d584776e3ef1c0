"""Copy the docstrings of the module into its stubs, where editors look for them.

The one source of the documentation is the Rust code. Run `python stub_docs.py` after a change of
it; `--check` only says whether that is needed.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from pathlib import Path
from typing import TypeAlias

from twincast import _twincast

STUBS = Path(__file__).parent / "python" / "twincast" / "_twincast.pyi"
Definition: TypeAlias = ast.ClassDef | ast.FunctionDef


def documented(source: str) -> str:
    """The stubs in `source`, each class and function with the docstring of its counterpart."""
    lines = source.splitlines()
    last_of: dict[str, int] = {}
    for path, node in definitions(ast.parse(source)):
        last_of[path] = node.lineno  # of several overloads, the last carries the docstring
    # From the end, so that the line numbers of what is left stay right.
    for path, node in reversed(list(definitions(ast.parse(source)))):
        doc = docstring(path) if last_of[path] == node.lineno else None
        indent = " " * (node.col_offset + 4)
        body = node.body
        has_doc = ast.get_docstring(node, clean=False) is not None
        if isinstance(node, ast.ClassDef):
            old = lines[body[0].lineno - 1 : body[0].end_lineno] if has_doc else []
            start = (body[0].lineno if has_doc else node.body[0].lineno) - 1
            if not has_doc:
                decorators = getattr(body[0], "decorator_list", [])
                start = (decorators[0].lineno if decorators else body[0].lineno) - 1
            lines[start : start + len(old)] = literal(doc, indent) if doc else []
            continue
        head = signature(lines, node)
        end = node.end_lineno or node.lineno
        tail = [f"{head[-1]} ..."] if doc is None else [head[-1], *literal(doc, indent)]
        lines[node.lineno - 1 : end] = [*head[:-1], *tail]
    return "\n".join(lines) + "\n"


def definitions(module: ast.Module) -> list[tuple[str, Definition]]:
    """All classes and functions with their dotted names, in the order of the text."""
    found: list[tuple[str, Definition]] = []
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            found.append((node.name, node))
        elif isinstance(node, ast.ClassDef):
            found.append((node.name, node))
            members = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            found.extend((f"{node.name}.{member.name}", member) for member in members)
    return found


def signature(lines: list[str], node: ast.FunctionDef) -> list[str]:
    """The lines of a function up to the colon that opens its body."""
    first = node.body[0]
    head = lines[node.lineno - 1 : first.lineno]
    if first.lineno == node.end_lineno and head[-1].rstrip().endswith("..."):
        head[-1] = head[-1].rstrip().removesuffix("...").rstrip()
    else:
        head = head[:-1]
    return head


def docstring(path: str) -> str | None:
    """What the module says about `path`; nothing about methods that Python itself defines."""
    thing: object = _twincast
    *_, name = names = path.split(".")
    if name.startswith("__") and not name.startswith("__arrow"):
        return None
    for part in names:
        thing = inspect.getattr_static(thing, part, None)
    doc = getattr(thing, "__doc__", None)
    return inspect.cleandoc(doc) if isinstance(doc, str) else None


def literal(doc: str, indent: str) -> list[str]:
    """The docstring as lines of source."""
    text = doc.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    many = "\n" in text
    body = f'"""{text}\n"""' if many else f'"""{text}"""'
    return textwrap.indent(body, indent).splitlines()


def main() -> None:
    """Rewrite the stubs, or check them."""
    old = STUBS.read_text(encoding="utf-8")
    new = documented(old)
    if old == new:
        return
    if "--check" in sys.argv:
        sys.exit(f"{STUBS.name} is behind the module: run `python stub_docs.py`")
    STUBS.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
