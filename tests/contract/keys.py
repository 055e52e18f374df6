"""What dkimpy says of DKIM keys, one JSON line each. Arguments: the port of a resolver on the loopback, then the names
of the keys."""

import json
import sys

import dkim
import dns.resolver

port, *names = sys.argv[1:]
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = ["127.0.0.1"]
resolver.port = int(port)


def text(name, timeout=5):
    """The first TXT record, as dkimpy's own look-up has it."""
    try:
        answer = resolver.resolve(name, "TXT")
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return None
    return b"".join(answer[0].strings)


def check_key(name):
    try:
        _, bits, _, _ = dkim.load_pk_from_dns(f"{name}.", dnsfunc=text)
    except (dkim.DKIMException, ValueError) as error:
        return {"valid": False, "error": str(error), "warnings": []}
    # No key is given where the record is for another service.
    return {"valid": bits is not None, "error": "no key", "warnings": []}


for name in names:
    print(json.dumps(check_key(name)))
