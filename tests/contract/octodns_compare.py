"""Reads zones from golive's YAML and from its zone files, both with octoDNS, and prints what differs.

Arguments: the folder dns/, then the zones. What the YAML leaves out on purpose is left out here too: the zone's own
name servers, with the addresses of those inside the zone (octoDNS itself passes over the SOA).
"""

import sys

from octodns.provider.yaml import YamlProvider
from octodns.zone import Zone
from octodns_bind import ZoneFileSource

folder, *names = sys.argv[1:]
yaml = YamlProvider("yaml", f"{folder}/octodns", enforce_order=False, escaped_semicolons=False)
# Its own look at the apex would miss servers outside the zone.
file = ZoneFileSource("file", folder, file_extension=".zone", check_origin=False)
for name in names:
    here, there = Zone(f"{name}.", []), Zone(f"{name}.", [])
    yaml.populate(here)
    file.populate(there)
    servers = {value for record in there.records if (record.name, record._type) == ("", "NS") for value in record.values}
    in_yaml = {(record.name, record._type): record for record in here.records}
    in_file = {
        (record.name, record._type): record
        for record in there.records
        if (record.name, record._type) != ("", "NS")
        and not (record.fqdn in servers and (record.name, record._type) not in in_yaml)
    }
    for key in sorted(in_yaml.keys() | in_file.keys()):
        a, b = in_yaml.get(key), in_file.get(key)
        if a is None or b is None or (a.ttl, a.data) != (b.ttl, b.data):
            print(f"{name} {key}: YAML {a and (a.ttl, a.data)}, zone file {b and (b.ttl, b.data)}")
    print(f"{name}: {len(in_yaml)} sets")
