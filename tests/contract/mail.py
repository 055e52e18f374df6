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
for domain in domains:
    spf = check_spf(domain, resolver=resolver)
    dmarc = check_dmarc(domain, resolver=resolver)
    print(json.dumps({"domain": domain, "spf": spf, "dmarc": dmarc}, default=str))
