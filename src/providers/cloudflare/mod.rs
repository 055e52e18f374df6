//! Cloudflare's published facts. Last checked against its documentation: 2026-11-22.
//!
//! | module | holds |
//! |-|-|
//! | [`language`] | conditions of its rules: parsed and evaluated |
//! | [`payload`] | what it was told, read as its API would take it |
//! | [`caching`] | what it keeps and for how long |
//! | [`entitlements`] | what each plan holds |
//! | [`firewall`] | whom it stops, and by which rule |
//!
//! The rehearsal's edge acts on these, and `golive ttl` and `golive trace` predict from them: one reading of the
//! documents, which the rehearsal puts to the test.

pub mod caching;
pub mod entitlements;
pub mod firewall;
pub mod language;
pub mod payload;

use ipnet::IpNet;

use crate::blueprint::value::HostName;
use crate::concerns::cdn::Plan;

/// Edge ranges, as `GET /ips` answers them.
const EDGE_RANGES: [&str; 22] = [
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];

/// The address ranges of Cloudflare's edge.
pub fn edge_ranges() -> Vec<IpNet> {
    EDGE_RANGES.iter().map(|range| range.parse().expect("a constant range")).collect()
}

/// TTL of the addresses that Cloudflare answers for proxied names, in seconds (docs, dns/manage-dns-records/
/// reference/ttl).
pub const PROXIED_TTL: u32 = 300;

/// Periods over which its limits count, in seconds; the plan says how long (docs, waf/rate-limiting-rules/parameters;
/// another page lists more steps, not for every plan).
pub const COUNTED_SECONDS: [u32; 6] = [10, 60, 120, 300, 600, 3600];

/// How long its limits keep a client out, in seconds (same page).
pub const BLOCK_SECONDS: [u32; 7] = [10, 60, 120, 300, 600, 3600, 86_400];

/// Where a host of a partial zone points (Cloudflare docs, dns/zone-setups/partial-setup).
pub fn partial_target(host: &HostName) -> String {
    format!("{host}.cdn.cloudflare.net")
}

/// The TXT record that keeps a partial zone verified, for good (same page).
pub fn verification_name(zone: &HostName) -> String {
    zone.child("cloudflare-verify")
}

impl Plan {
    pub fn as_str(self) -> &'static str {
        match self {
            Plan::Free => "free",
            Plan::Pro => "pro",
            Plan::Business => "business",
            Plan::Enterprise => "enterprise",
        }
    }

    /// Shortest edge TTL that a cache rule may set, in seconds (docs, cache/how-to/edge-browser-cache-ttl).
    pub fn shortest_edge_ttl(self) -> u32 {
        entitlements::EDGE_TTL.bound(self)
    }

    /// How many cache rules the zone may hold.
    pub fn cache_rules(self) -> usize {
        entitlements::CACHE_RULES.bound(self).try_into().unwrap_or(usize::MAX)
    }

    /// Whether the zone may stay with another DNS host (partial, CNAME setup).
    pub fn allows_partial_zone(self) -> bool {
        entitlements::PARTIAL_ZONE.is_held_by(self, 1)
    }
}

/// The authorities from which edge certificates come, backups included; a partial zone must allow each of them
/// itself (docs, ssl/reference/certificate-authorities).
pub const CERTIFICATE_AUTHORITIES: [&str; 4] = ["letsencrypt.org", "pki.goog", "ssl.com", "sectigo.com"];

/// Cookies that the edge sets itself (docs, fundamentals/reference/policies-compliances/cloudflare-cookies; the
/// waiting room's is spelled both ways in its documents).
pub fn is_own_cookie(name: &str) -> bool {
    matches!(name, "__cf_bm" | "_cfuvid" | "cf_clearance" | "__cflb") || is_waiting_room_cookie(name)
}

/// The cookie by which a waiting room knows whom it has seen; a suffix may follow.
pub fn is_waiting_room_cookie(name: &str) -> bool {
    name.starts_with("__cfwaitingroom") || name.starts_with("__cf_waitingroom")
}
