#!/usr/bin/env python3
"""Adds up the JUnit files of a test run: summarise.py FOLDER. Ends with "N passed, N failed[, N skipped]".

A program that failed without a failing case in its file (it crashed, or wrote none) counts as one failure.
"""
import glob
import os
import sys
import xml.etree.ElementTree as ElementTree

folder = sys.argv[1]
passed = failed = skipped = 0
failures = []
for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
    program = os.path.splitext(os.path.basename(path))[0]
    broken = 0
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except ElementTree.ParseError:
        cases = []
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            broken += 1
            failures.append(f"{program}: {case.get('name')}")
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    failed += broken
    if not broken and os.path.exists(os.path.join(folder, program + ".failed")):
        failed += 1
        failures.append(f"{program}: ended with an error")
for marker in sorted(glob.glob(os.path.join(folder, "*.failed"))):
    program = os.path.splitext(os.path.basename(marker))[0]
    if not os.path.exists(os.path.join(folder, program + ".xml")):
        failed += 1
        failures.append(f"{program}: ended with an error and no results")
for failure in failures:
    print(f"FAILED {failure}")
if passed + failed == 0:
    failed = 1
    print("FAILED no test ran")
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed else 0)
