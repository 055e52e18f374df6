//! Configuration that `[proxy]` asks for.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::{ProxiedHost, ProxyServer};

pub fn fragments(proxy: &Proxy, site: &Site) -> Vec<Fragment> {
    let (cdn_ranges, listen) =
        site.cdn.as_ref().map_or_else(Default::default, |cdn| (cdn.ranges.clone(), cdn.origins.clone()));
    vec![Fragment::ProxyServer(ProxyServer {
        hosts: site
            .hosts
            .iter()
            .map(|host| ProxiedHost { name: host.name.clone(), upstream: host.upstream.clone() })
            .collect(),
        upstream: proxy.upstream.clone(),
        runs_on: proxy.runs_on,
        cdn_ranges,
        health_path: proxy.health_path.clone(),
        listen,
        connect_timeout: proxy.connect_timeout_seconds,
        read_timeout: proxy.read_timeout_seconds,
        body_limit_mib: proxy.body_limit_mib,
    })]
}
