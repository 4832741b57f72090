"""Finds passages of the standard library's documentation that bear on a question."""

import math
import re
from collections import Counter, defaultdict
from pathlib import Path

import documentation

WEIGHTS = {"subject": 3.5, "name": 2.5, "first": 2.0, "module": 1.0, "rest": 0.5}
"""What a word counts for, by where it stands."""

KINDS = {"function": 1.0, "class": 0.9, "method": 0.75, "module": 0.45}
"""How likely each kind of thing is an answer."""

_REMOTE = """
ast ctypes curses typing types codeop xmlrpc imaplib unittest email ssl
"""
REMOTE = frozenset(_REMOTE.split())
REMOTENESS = 0.7
"""Packages that few questions are about, and what their passages count for."""

USE = 0.06
"""What being used in the library's own sources counts for."""

SATURATION = 1.2
SHARE_OF_MODULE = 0.3
"""How much of its module's relevance a passage inherits."""

RELATED = 0.45
"""What a related word counts for, compared with the word of the question itself."""

GROUPS = [
    "merge combine join concatenate union chain",
    "sort order sorted ordered",
    "largest biggest maximum max highest top nlargest",
    "smallest least minimum min lowest nsmallest",
    "random randomly shuffle chance arbitrary",
    "choose pick select choice draw sample",
    "delete remove erase unlink rmtree destroy",
    "directory folder dir tree",
    "subdirectory walk recursive descend",
    "file filename path",
    "copy duplicate clone",
    "parse read load decode loads",
    "write save dump serialize store dumps encode",
    "find search locate lookup match",
    "replace substitute sub",
    "split separate divide tokenize partition",
    "wait pause sleep delay suspend",
    "time clock duration",
    "date datetime day",
    "difference delta compare diff",
    "format formatted style render strftime",
    "count occurrence frequency tally number",
    "environment environ env variable",
    "run execute launch start spawn call",
    "command program executable process external subprocess",
    "thread concurrent parallel pool executor",
    "coroutine awaitable async task await",
    "simultaneously concurrently together gather same",
    "lock mutex exclusive synchronization",
    "hash digest checksum sha256 sha",
    "compress compression compressed zip archive",
    "extract unpack decompress",
    "url uri web http",
    "download fetch retrieve urlopen",
    "server serve listen",
    "email mail message smtp",
    "average mean",
    "deviation variance stdev spread",
    "round ceiling floor ceil",
    "root sqrt square",
    "divisor gcd denominator",
    "equal close almost approximately similar",
    "exact exactly accurate precise",
    "sum add total",
    "random token secret secure cryptographic",
    "password prompt hidden echo",
    "cache memoize lru remember",
    "decorator decorate wrap wrapper",
    "iterator iterable sequence iterate",
    "endless infinite indefinitely repeat cycle forever",
    "consecutive adjacent group",
    "running cumulative accumulate accumulated",
    "dictionary dict mapping",
    "missing absent default",
    "enumeration enum constant",
    "abstract interface base abc",
    "class object instance",
    "traceback exception error stack",
    "ignore suppress skip swallow",
    "signal interrupt handler",
    "exit termination atexit shutdown",
    "import module load",
    "source code text",
    "parameter argument signature",
    "option flag argument",
    "log logging logger record",
    "rotate rollover rotating",
    "profile profiling performance",
    "memory allocate allocation",
    "measure timing elapsed benchmark",
    "indent indentation dedent whitespace margin",
    "wrap line fill width paragraph",
    "accent diacritic normalize normalization decomposition",
    "escape special quote",
    "unicode character",
    "binary byte bytes struct pack",
    "hex hexadecimal hexlify",
    "database sql sqlite sqlite3 connect",
    "config configuration ini setting",
    "temporary temp tmp",
    "pattern glob wildcard fnmatch regular regex",
    "regex regexp regular expression",
    "size length bytes getsize",
    "current working cwd now",
    "rename move",
    "user login name",
    "version release",
    "translate translation message locale gettext localization",
    "debug debugger breakpoint trace",
    "ip address network subnet",
    "unique uuid identifier",
    "timezone zone zoneinfo",
    "calendar month week",
    "leap year",
    "combination subset",
    "permutation arrangement ordering",
    "product cartesian",
    "insert insertion bisect position",
    "queue deque append",
    "literal evaluate eval expression",
    "readable pretty pprint",
    "deep recursive nested",
    "fraction rational",
    "decimal money currency",
    "base64 encode",
    "sign signature authentication hmac keyed",
    "timeout wait deadline",
    "generator yield",
    "context manager with",
    "fixed partial freeze",
    "fold reduce cumulatively",
    "misspelled similar close matches",
    "html markup entity",
    "tree copytree rmtree",
    "mean arithmetic",
    "whole entire",
]
"""Words that mean nearly the same in this trade."""

_ABSENT = """
a an and are as at be been by can could do does for from get gets give had has have how i if in
into is it its me my need of on or our out so some than that the their them then there these
they this to up use used using want was we what when where which while who whether why will with
without would you your python program code several every all one two three
"""
ABSENT = frozenset(_ABSENT.split())
ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ied", "edly", "ed", "es", "ly", "s")

INDEX = None


def stem(word):
    """A word without its ending."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if word.endswith("e") and len(word) > 4:
        word = word[:-1]
    if word.endswith("y") and len(word) > 3:
        word = word[:-1] + "i"
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word


def words(text):
    """The stems of a text: identifiers also in their parts."""
    found = []
    for token in re.findall(r"[A-Za-z][A-Za-z0-9]*", text.replace("_", " ")):
        parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+", token)
        told = {token.lower(), *(part.lower() for part in parts)}
        found += [stem(part) for part in sorted(told) if len(part) > 1 and part not in ABSENT]
    return found


def read_subjects():
    """The words of the subject index, by the name that they lead to."""
    found = {}
    for line in Path(__file__).with_name("subjects.txt").read_text("utf-8").splitlines():
        name, _, text = line.partition(": ")
        if text and not line.startswith("#"):
            found[name] = text
    return found


def related():
    """For each stem, the stems that mean nearly the same."""
    table = defaultdict(set)
    for group in GROUPS:
        stems = {stem(word) for word in group.split()}
        for one in stems:
            table[one] |= stems - {one}
    return table


class Index:
    """Word counts of every entry, by field, with how rare each word is."""

    def __init__(self):
        self.entries = [e for e in documentation.entries() if e.text]
        self.related = related()
        self.postings = defaultdict(dict)
        subjects = read_subjects()
        uses = documentation.uses()
        modules = {e.name: e.text.split("\n\n")[0] for e in self.entries if e.kind == "module"}
        self.prior = []
        for number, entry in enumerate(self.entries):
            first, _, rest = entry.text.partition("\n\n")
            fields = {
                "subject": subjects.get(entry.name, ""),
                "name": entry.name.rpartition(".")[2],
                "first": first[:400],
                "module": f"{entry.module} {modules.get(entry.module, '')[:300]}",
                "rest": rest[:1500],
            }
            for field, text in fields.items():
                counts = Counter(words(text))
                scale = 1 + 0.03 * max(0, len(counts) - 12)
                for word, count in counts.items():
                    known = self.postings[word]
                    weight = WEIGHTS[field] * count / (count + SATURATION) / scale
                    known[number] = known.get(number, 0.0) + weight
            prior = KINDS[entry.kind] * (1 + USE * math.log1p(uses.get(entry.name, 0)))
            if entry.module.partition(".")[0] in REMOTE:
                prior *= REMOTENESS
            if entry.name.endswith(("Error", "Warning", "Exception")):
                prior *= 0.6
            self.prior.append(prior)

    def weight(self, word):
        """How telling a word is: rare ones more."""
        return math.log(1 + len(self.entries) / (1 + len(self.postings.get(word, ()))))

    def search(self, question, limit):
        """The best entries with their scores."""
        asked = dict.fromkeys(words(question))
        scores = defaultdict(float)
        covered = defaultdict(float)
        total = 0.0
        for word in asked:
            rarity = self.weight(word)
            total += rarity
            best = {}
            for other, share in [(word, 1.0), *((w, RELATED) for w in self.related[word])]:
                for number, weight in self.postings.get(other, {}).items():
                    best[number] = max(best.get(number, 0.0), share * weight)
            for number, weight in best.items():
                scores[number] += rarity * weight
                covered[number] += rarity * min(1.0, weight)
        for number in scores:
            scores[number] *= self.prior[number] * (0.4 + 0.6 * covered[number] / (total or 1.0))
        by_module = defaultdict(list)
        for number, score in scores.items():
            by_module[self.entries[number].module].append(score)
        support = {m: sum(sorted(s, reverse=True)[:3]) / 3 for m, s in by_module.items()}
        ranked = sorted(
            (
                (-(s + SHARE_OF_MODULE * support[self.entries[n].module]), self.entries[n].name, n)
                for n, s in scores.items()
                if self.entries[n].kind != "module"
            ),
        )
        return [(self.entries[n], -score) for score, _, n in ranked[:limit]]


def warm():
    """Read the documentation once; every call has it then."""
    global INDEX
    INDEX = Index()


def lookup(question: str, limit: int = 5) -> list[dict]:
    """The passages that bear on a question, the best first."""
    if INDEX is None:
        warm()
    return [
        {
            "name": entry.name,
            "module": entry.module,
            "signature": entry.signature,
            "text": entry.text[:4000],
            "score": round(score, 4),
        }
        for entry, score in INDEX.search(question, limit)
    ]
