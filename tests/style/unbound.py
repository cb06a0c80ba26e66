# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that a Python program uses and that nothing in it binds: an import that is missing, say. A test that needs much is
skipped on many machines, and would fail by such a name on the others."""
import ast
import builtins

KNOWN = set(dir(builtins)) | {"__file__"}


def bound_by(node):
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {a.asname or a.name.split(".")[0] for a in node.names}
    if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs)):
        return {node.name}
    if isinstance(node, ast.arg):
        return {node.arg}
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return {node.id}
    return set()


def names(tree):
    """Each unbound name, with the line of its first use. Scopes are not told apart."""
    nodes = list(ast.walk(tree))
    bound = KNOWN.union(*(bound_by(n) for n in nodes))
    used = {}
    for n in nodes:
        if isinstance(n, ast.Name) and n.id not in bound:
            used.setdefault(n.id, n.lineno)
    return used
