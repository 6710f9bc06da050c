#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads Prometheus' text format (0.0.4) from stdin, strictly, and says what it found.

Every sample belongs to a family with HELP and TYPE before it, none is there twice, values are
numbers, counters end with _total, and the buckets of a histogram grow up to its count.
"""
import collections
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? ([^ ]+)")
PARTS = ("_bucket", "_sum", "_count")


def family_of(name, types):
    for part in PARTS:
        if name.endswith(part) and types.get(name[: -len(part)]) == "histogram":
            return name[: -len(part)]
    return name


def check_histogram(name, samples):
    buckets = collections.defaultdict(list)
    for (sample, labels), value in samples.items():
        if sample == f"{name}_bucket":
            rest = frozenset(label for label in labels if not label.startswith('le="'))
            bound = next(label for label in labels if label.startswith('le="'))[4:-1]
            buckets[rest].append((float(bound), value))
    for rest, values in buckets.items():
        assert values == sorted(values), (name, values)
        counts = [count for _, count in values]
        assert counts == sorted(counts), (name, counts)
        assert values[-1][0] == float("inf"), (name, values)
        assert samples[(f"{name}_count", rest)] == counts[-1], (name, rest)
        assert (f"{name}_sum", rest) in samples, (name, rest)


def main():
    types, helps, samples, closed, current = {}, set(), {}, set(), None
    text = sys.stdin.read()
    assert text.endswith("\n"), "no end of line at the end"
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helps.add(line.split(" ")[2])
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name in helps and name not in types, line
            assert (kind == "counter") == name.endswith("_total"), line
            types[name] = kind
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"not a sample: {line}"
        name, labels, value = match.groups()
        family = family_of(name, types)
        assert family in types, f"no TYPE before: {line}"
        if family != current:
            assert family not in closed, f"not with the rest of its family: {line}"
            closed.add(current)
            current = family
        key = (name, frozenset(re.findall(LABEL, labels or "")))
        assert key not in samples, f"twice: {line}"
        samples[key] = float(value)
    for name, kind in types.items():
        if kind == "histogram":
            check_histogram(name, samples)
    print(f"families={len(types)} samples={len(samples)}")


main()
