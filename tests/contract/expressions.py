"""Reads Cloudflare expressions, one JSON string a line, and prints for each what Cloudflare's own engine (wirefilter)
says: an empty line for a good one."""

import json
import sys

from octorules_wirefilter import parse_expression

for line in sys.stdin:
    print(json.dumps(parse_expression(json.loads(line)).get("error", "")))
