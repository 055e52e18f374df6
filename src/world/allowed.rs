//! What a run may contact: names and addresses of the blueprint, and the ranges of its CDN for names of ours that
//! lead there (facts of the check catalogue, section 3, rule 1). Must not look anything up.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::blueprint::Site;

#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Names sent in SNI and Host, lower case.
    pub hosts: BTreeSet<String>,
    /// Addresses that the blueprint names: name servers, origins, redirect machines.
    pub addresses: BTreeSet<IpAddr>,
    /// Where names of the blueprint may also lead. `None`: the blueprint has no CDN and does not say where its host
    /// lives, so that any public address to which a name of ours leads is ours.
    pub ranges: Option<Vec<IpNet>>,
}

impl Allowed {
    pub fn of(site: &Site) -> Self {
        let redirected = site.redirected.iter().flat_map(|entry| entry.names.iter().chain([&entry.to]));
        let servers = site.zones.iter().flat_map(|zone| zone.servers.iter().map(|(_, address)| *address));
        let origins = site.cdn.iter().flat_map(|cdn| cdn.origins.iter().copied());
        let machines = site.redirected.iter().flat_map(|entry| entry.addresses.iter().copied());
        Self {
            hosts: redirected.chain([&site.host]).map(|name| name.as_str().to_owned()).collect(),
            addresses: servers.chain(origins).chain(machines).collect(),
            ranges: site.cdn.as_ref().map(|cdn| cdn.ranges.clone()),
        }
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        self.hosts.contains(host)
    }

    /// Whether a probe may be pinned to this address: the blueprint's, or the CDN's (names are checked apart).
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.ranges.iter().flatten().any(|range| range.contains(&address))
    }

    /// Whether a name of ours may lead to this address.
    pub(super) fn has_resolved(&self, address: IpAddr) -> bool {
        self.ranges.is_none() || self.has_address(address)
    }
}

/// What keeps an address from being one of the public Internet, if anything (IANA special-purpose registries,
/// RFC 6890; documentation: RFC 5737, RFC 3849).
pub(super) fn why_not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            match (a, b, c) {
                (127, ..) => Some("loopback"),
                _ if v4.is_private() => Some("private"),
                _ if v4.is_link_local() => Some("link-local"),
                _ if v4.is_documentation() => Some("for documentation only (RFC 5737)"),
                (100, 64..=127, _) => Some("carrier-internal (RFC 6598)"),
                (0, ..) | (192, 0, 0) | (198, 18..=19, _) => Some("reserved"),
                (224.., ..) => Some("multicast or reserved"),
                _ => None,
            }
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return why_not_public(IpAddr::V4(v4));
            }
            match v6.segments() {
                [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("for documentation only (RFC 3849, RFC 9637)"),
                // Global unicast is what IANA has handed out, and only that.
                [0x2000..=0x3fff, ..] => None,
                _ if v6.is_loopback() => Some("loopback"),
                [0xfc00..=0xfdff, ..] => Some("private"),
                [0xfe80..=0xfebf, ..] => Some("link-local"),
                _ => Some("not global unicast"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "192.0.0.8",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.53",
            "198.51.100.21",
            "203.0.113.10",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "64:ff9b::1",
        ] {
            assert!(why_not_public(private.parse().unwrap()).is_some(), "{private}");
        }
        for public in
            ["1.1.1.1", "104.16.0.10", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1", "::ffff:1.1.1.1"]
        {
            assert_eq!(why_not_public(public.parse().unwrap()), None, "{public}");
        }
    }

    #[test]
    fn without_a_cdn_a_name_of_ours_may_lead_anywhere_but_pins_are_the_blueprints() {
        let allowed = Allowed::default();
        assert!(allowed.has_resolved("1.1.1.1".parse().unwrap()));
        assert!(!allowed.has_address("1.1.1.1".parse().unwrap()));
        let behind_cdn = Allowed { ranges: Some(vec!["104.16.0.0/13".parse().unwrap()]), ..allowed };
        assert!(behind_cdn.has_resolved("104.16.0.10".parse().unwrap()));
        assert!(!behind_cdn.has_resolved("1.1.1.1".parse().unwrap()));
    }
}
