"""What httplint says of how answers may be stored: for each JSON line of standard input ("url", "status", "headers",
"body") one of notes that are neither praise nor information."""

import json
import sys
import time

from httplint.message import HttpRequestLinter, HttpResponseLinter
from httplint.note import categories, levels


# Other headers have other checks.
OF_CACHES = ("cache-control", "expires", "vary", "etag", "age", "last-modified", "set-cookie")


def is_of_caches(note):
    about = note.subject.removeprefix("field-")
    return note.category == categories.CACHING or any(about.startswith(name) for name in OF_CACHES)


def flat(notes):
    for note in notes:
        yield note
        yield from flat(note.subnotes)


for line in sys.stdin:
    answer = json.loads(line)
    request = HttpRequestLinter()
    request.process_request_topline(b"GET", answer["url"].encode(), b"1.1")
    request.process_headers([])
    request.finish_content(True)
    linter = HttpResponseLinter(_related=request, start_time=time.time())
    linter.process_response_topline(b"1.1", str(answer["status"]).encode())
    linter.process_headers([(name.encode(), value.encode("latin-1", "replace")) for name, value in answer["headers"]])
    linter.feed_content(answer["body"].encode())
    linter.finish_content(True)
    notes = [
        {"note": note.__class__.__name__, "level": note.level.value, "about": note.subject, "summary": str(note.summary)}
        for note in flat(linter.notes)
        if note.level in (levels.WARN, levels.BAD) and is_of_caches(note)
    ]
    print(json.dumps({"url": answer["url"], "notes": notes}))
