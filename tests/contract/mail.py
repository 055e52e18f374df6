"""What checkdmarc says of mail domains, one JSON line each. Arguments: the port of a resolver on the loopback, then the
domains."""

import json
import sys

import dns.resolver
from checkdmarc.dmarc import check_dmarc
from checkdmarc.spf import check_spf

port, *domains = sys.argv[1:]
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = ["127.0.0.1"]
resolver.port = int(port)


def told(verdict):
    return {key: verdict.get(key) for key in ("valid", "error", "warnings")}


for domain in domains:
    spf = told(check_spf(domain, resolver=resolver))
    dmarc = told(check_dmarc(domain, resolver=resolver))
    print(json.dumps({"spf": spf, "dmarc": dmarc}, default=str))
