"""Leaves the resources that golive generates registered in Cloudflare's provider, and no other: compiling all of them
takes an hour of processor time.

trim.py PROVIDER_GO SCHEMA_JSON: edits the first in place. What is left is the provider's own code, untouched.
"""

import json
import re
import sys


def main(source, schema):
    with open(schema, encoding="utf-8") as file:
        (provider,) = json.load(file)["provider_schemas"].values()
    kept = {name.removeprefix("cloudflare_") for name in provider["resource_schemas"]}
    with open(source, encoding="utf-8") as file:
        lines = file.read().splitlines()

    # `		package.NewSomething, // deprecated.`, one a line of the lists of resources and data sources.
    registered = re.compile(r"\t\t(\w+)\.(New\w+),\s*(//.*)?$")
    imported = re.compile(r'\t"[^"]*/internal/services/(\w+)"$')
    found = set()
    trimmed = []
    for line in lines:
        match = registered.match(line)
        if match and not (match[1] in kept and match[2] == "NewResource"):
            continue
        if match:
            found.add(match[1])
        match = imported.match(line)
        if not match or match[1] in kept:
            trimmed.append(line)
    if found != kept:
        sys.exit(f"{source}: no longer registers {', '.join(sorted(kept - found))} as it did")
    with open(source, "w", encoding="utf-8") as file:
        file.write("\n".join(trimmed) + "\n")


main(*sys.argv[1:])
