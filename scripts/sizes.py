#!/usr/bin/env python3
"""How long files and functions are: sizes.py [--top N] [FOLDER...].

The sizes that have read well: half of the files under 150 lines and nearly all under 450, half of the
functions under 10 and nearly all under 45. Functions are found by the layout of this tree (an opening
brace at the end of a line, its closing one alone at the same indentation), not by parsing C++.
"""
import argparse
import pathlib
import re
import statistics

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["include", "src", "tests"]
NOT_FUNCTIONS = re.compile(
    r"^\s*(?:\}?\s*(?:if|else|for|while|do|switch|try|catch)\b|(?:template<.*>\s*)?(?:namespace|class|struct|enum|union)\b|extern \"C\"|case\b|default\b)"
)
OPENS = re.compile(r"\)(?:\s*(?:const|noexcept|override|final|mutable|->\s*[\w:<>,&*\s()]+|:\s.*))*\s*\{$")


def sources(folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".cpp", ".h"):
                yield path


def name_of(line):
    before = line.split("(")[0].split()
    return before[-1].lstrip("*&") if before else "?"


def continues(line, before):
    """Parameters over several lines, or a constructor's initialisers below its name."""
    return line.count(")") > line.count("(") or line.lstrip().startswith((":", ",")) or before.rstrip().endswith(",")


def functions(lines):
    """(name, first line, number of lines) of each function; lambdas count to what holds them."""
    at = 0
    while at < len(lines):
        line = lines[at].rstrip()
        if not OPENS.search(line) or NOT_FUNCTIONS.match(line):
            at += 1
            continue
        first = at
        while first > 0 and continues(line, lines[first - 1]):
            first -= 1
            line = lines[first].rstrip() + " " + line.strip()
        indent = re.match(r"\s*", lines[first]).group()
        end = at + 1
        while end < len(lines) and not re.match(rf"{indent}\}}", lines[end]):
            end += 1
        yield name_of(line), first + 1, end - first + 1
        at = end + 1


def report(title, sizes, limits, top):
    if not sizes:
        return
    counts = [size for size, _ in sizes]
    usual, most = limits
    share = 100 * sum(count <= most for count in counts) / len(counts)
    print(f"{title}: {len(counts)}, median {statistics.median(counts):g} (wish {usual}), {share:.1f} % within {most}")
    for size, where in sorted(sizes, reverse=True)[:top]:
        print(f"  {size:5} {where}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    parser.add_argument("--top", type=int, default=10, help="how many of the longest to name")
    options = parser.parse_args()
    files, found = [], []
    for path in sources(options.folders):
        lines = path.read_text(encoding="utf-8").splitlines()
        where = path.relative_to(ROOT)
        files.append((len(lines), str(where)))
        found += [(size, f"{where}:{first} {name}") for name, first, size in functions(lines)]
    print(f"{sum(size for size, _ in files)} lines")
    report("files", files, (150, 450), options.top)
    report("functions", found, (10, 45), options.top)


if __name__ == "__main__":
    main()
