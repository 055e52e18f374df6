"""What others say of mail domains, one JSON line each: checkdmarc of SPF and DMARC, dkimpy of the key. Arguments: the
port of a resolver on the loopback, the selector of the keys, then the domains."""

import json
import sys

import dkim
import dns.resolver
from checkdmarc.dmarc import check_dmarc
from checkdmarc.spf import check_spf

port, selector, *domains = sys.argv[1:]
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


def check_key(domain):
    try:
        _, bits, _, _ = dkim.load_pk_from_dns(f"{selector}._domainkey.{domain}.", dnsfunc=text)
    except (dkim.DKIMException, ValueError) as error:
        return {"valid": False, "error": str(error), "warnings": []}
    # No key is given where the record is for another service.
    return {"valid": bits is not None, "error": "no key", "warnings": []}


def told(verdict):
    return {key: verdict.get(key) for key in ("valid", "error", "warnings")}


for domain in domains:
    spf = told(check_spf(domain, resolver=resolver))
    dmarc = told(check_dmarc(domain, resolver=resolver))
    print(json.dumps({"domain": domain, "spf": spf, "dmarc": dmarc, "dkim": check_key(domain)}, default=str))
