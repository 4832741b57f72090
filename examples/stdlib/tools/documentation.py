"""The documentation of the standard library, from the interpreter that runs this."""

import importlib
import inspect
import re
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_LEFT_OUT = """
antigravity this idlelib lib2to3 turtledemo turtle tkinter test ensurepip distutils venv
pydoc_data nt ntpath msilib winreg winsound _winapi msvcrt asyncore asynchat imp smtpd nntplib
pip setuptools __future__ builtins posix site sitecustomize usercustomize encodings pyclbr pydoc
tabnanny nturl2path genericpath posixpath sre_compile sre_constants sre_parse opcode copyreg
xdrlib uu chunk crypt cgi cgitb pipes sndhdr imghdr aifc sunau audioop telnetlib ossaudiodev
spwd nis mailcap
"""
LEFT_OUT = frozenset(_LEFT_OUT.split())
"""Modules that act when imported, belong to other systems, are gone, or are nobody's answer."""

INNER = (
    "os.path",
    "collections.abc",
    "concurrent.futures",
    "importlib.metadata",
    "importlib.resources",
    "logging.config",
    "logging.handlers",
    "email.message",
    "email.parser",
    "email.policy",
    "html.parser",
    "html.entities",
    "http.client",
    "http.cookies",
    "http.server",
    "multiprocessing.pool",
    "multiprocessing.shared_memory",
    "unittest.mock",
    "urllib.error",
    "urllib.parse",
    "urllib.request",
    "urllib.robotparser",
    "wsgiref.simple_server",
    "xml.dom.minidom",
    "xml.etree.ElementTree",
    "xml.sax",
    "xmlrpc.client",
    "xmlrpc.server",
)
"""Modules of packages that are documented on their own."""


@dataclass
class Entry:
    """One documented thing: a function, a class, a method or a module itself."""

    name: str
    module: str
    kind: str
    signature: str
    text: str


def entries():
    """Everything public and documented, each under the name that people write."""
    names = [n for n in sorted(sys.stdlib_module_names) if n[0] != "_" and n not in LEFT_OUT]
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in [*names, *INNER]:
            try:
                module = importlib.import_module(name)
            except Exception:
                continue
            found += of_module(name, module)
    return found


def of_module(name, module):
    """The entries of one module."""
    found = [Entry(name, name, "module", name, inspect.getdoc(module) or "")]
    public = getattr(module, "__all__", None)
    for key in sorted(public or vars(module)):
        value = getattr(module, key, None)
        if key.startswith("_") or inspect.ismodule(value):
            continue
        owner = getattr(value, "__module__", None) or ""
        if public is None and owner.lstrip("_").split(".")[0] != name.lstrip("_").split(".")[0]:
            continue
        full = f"{name}.{key}"
        if inspect.isclass(value):
            found.append(Entry(full, name, "class", signature(full, value), documentation(value)))
            found += of_class(full, name, value)
        elif inspect.isroutine(value) or (callable(value) and inspect.getdoc(value)):
            entry = Entry(full, name, "function", signature(full, value), documentation(value))
            found.append(entry)
    return found


def of_class(full, module, owner):
    """The methods that a class documents itself."""
    found = []
    for key, _value in sorted(vars(owner).items()):
        if key.startswith("_") or not inspect.isroutine(getattr(owner, key, None)):
            continue
        function = getattr(owner, key)
        text = documentation(function)
        if text:
            name = f"{full}.{key}"
            found.append(Entry(name, module, "method", signature(name, function), text))
    return found


def uses():
    """How often each qualified name stands in the sources of the library itself."""
    counts = Counter()
    folder = Path(inspect.getfile(inspect)).parent
    for path in [*folder.glob("*.py"), *folder.glob("[a-z]*/*.py")]:
        if path.parent.name in ("test", "tests", "idlelib", "lib2to3", "turtledemo"):
            continue
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        counts.update(re.findall(r"(?<![\w.])[a-z]\w*(?:\.[a-zA-Z]\w*)+(?=\()", text))
        for module, names in re.findall(r"^from ([\w.]+) import ([\w, ]+)", text, re.MULTILINE):
            counts.update(
                f"{module}.{name.split()[0]}" for name in names.split(",") if name.strip()
            )
    return counts


def documentation(value):
    """The docstring of a thing itself; empty where it only inherits one."""
    text = inspect.getdoc(value) or ""
    if inspect.isclass(value) and not value.__dict__.get("__doc__"):
        return (inspect.getdoc(value.__init__) or "") if "__init__" in vars(value) else ""
    return text


def signature(name, value):
    """The thing's name with its parameters, as the interpreter knows them."""
    try:
        text = f"{name}{inspect.signature(value)}"
        return re.sub(r" at 0x[0-9a-f]+", "", text)  # addresses differ from process to process
    except Exception:
        first = (inspect.getdoc(value) or "").split("\n")[0]
        short = name.rpartition(".")[2]
        if first.startswith(f"{short}(") and ")" in first:
            return f"{name}{first[len(short) : first.index(')') + 1]}"
        return f"{name}(...)"


def find(name):
    """The thing that a qualified name means.

    Raises:
        LookupError: There is no such thing.
    """
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        try:
            for part in parts[cut:]:
                value = getattr(value, part)
        except AttributeError:
            break
        return value
    raise LookupError(f"there is no {name} in this interpreter")
