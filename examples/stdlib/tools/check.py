"""Checks what an answer cites: that it exists, its signature, and the examples in its docs."""

import contextlib
import doctest
import io

import documentation


def check(sources: list[dict]) -> dict:
    """Whether every source is real, with a line for each check that was made."""
    checks, problems = [], []
    if not sources:
        problems.append("the answer cites nothing")
    for source in sources:
        done, problem = check_one(source["name"], source["signature"])
        checks += done
        if problem:
            problems.append(problem)
    reason = "; ".join(problems) or "every source exists as it was quoted"
    return {"passed": not problems, "reason": reason, "checks": checks}


def check_one(name, quoted):
    """The checks that were made of one source, and the first problem, if any."""
    try:
        value = documentation.find(name)
    except LookupError as error:
        return [f"{name}: does not exist"], str(error)
    done = [f"{name}: exists"]
    real = documentation.signature(name, value)
    if plain(real) != plain(quoted):
        return done, f"the signature of {name} is {real}, and {quoted} was quoted"
    known = not real.endswith("(...)")
    done.append(f"{name}: {'signature holds' if known else 'it has no signature to compare'}")
    tried, failed = run_examples(name, value)
    if failed:
        return done, f"{failed} of {tried} documented examples of {name} fail"
    if tried:
        done.append(f"{name}: {tried} documented example{'s' * (tried > 1)} ran")
    return done, ""


def plain(signature):
    """A signature with its white space folded."""
    return " ".join(signature.split())


def run_examples(name, value):
    """Run the doctests of a thing in its module's namespace: how many ran, how many failed."""
    module = getattr(value, "__module__", None) or name.rpartition(".")[0]
    try:
        names = dict(vars(documentation.find(module)))
    except LookupError:
        names = {}
    names[name.rpartition(".")[2]] = value
    parser = doctest.DocTestParser()
    try:
        test = parser.get_doctest(getattr(value, "__doc__", None) or "", names, name, None, 0)
    except ValueError:
        return 0, 0
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    runner = doctest.DocTestRunner(verbose=False, optionflags=flags)
    with contextlib.redirect_stdout(io.StringIO()):
        result = runner.run(test, out=lambda text: None)
    return result.attempted, result.failed
