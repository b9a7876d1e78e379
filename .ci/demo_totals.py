"""Checks what the demo printed: every item ended in exactly one place, and every kind of ending was seen.

The demo compares itself with what each of its items must become, and fails if one did not. This reads its output as a person
would, so that a demo that shows nothing, or counts what it did not show, fails too.
"""

import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
totals = re.search(
    r"^(\d+) raw = (\d+) published \+ (\d+) duplicates? \+ (\d+) rejected", text, re.MULTILINE
)
if not totals:
    sys.exit("the demo printed no totals")
raw, published, duplicates, rejected = map(int, totals.groups())
shown = {
    ending: len(re.findall(rf"^{ending}\s", text, re.MULTILINE))
    for ending in ("published", "duplicate", "rejected")
}

problems = []
if raw != published + duplicates + rejected:
    problems.append(f"{raw} items went in, {published + duplicates + rejected} came out")
if raw < 40:
    problems.append(f"only {raw} items; at least 40 are bundled")
for ending, count in (("published", published), ("duplicate", duplicates), ("rejected", rejected)):
    if count == 0:
        problems.append(f"nothing was {ending}")
    if shown[ending] != count:
        problems.append(f"{count} {ending} in the totals, {shown[ending]} lines shown")
if problems:
    sys.exit("the demo's totals do not hold: " + "; ".join(problems))
print(f"the demo's totals hold: {totals.group(0)}")
