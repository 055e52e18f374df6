//! Configuration that `[proxy]` asks for.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::{AppVariable, ProxyServer};

pub fn fragments(proxy: &Proxy, site: &Site) -> Vec<Fragment> {
    let (cdn_ranges, listen) =
        site.cdn.as_ref().map_or_else(Default::default, |cdn| (cdn.ranges.clone(), cdn.origins.clone()));
    let mut fragments = vec![Fragment::ProxyServer(ProxyServer {
        host: site.host.clone(),
        upstream: proxy.upstream.clone(),
        runs_on: proxy.runs_on,
        cdn_ranges,
        health_path: proxy.health_path.clone(),
        listen,
        connect_timeout: proxy.connect_timeout_seconds,
        read_timeout: proxy.read_timeout_seconds,
        body_limit_mib: proxy.body_limit_mib,
    })];
    if let (Some(app), Ok(name)) = (&site.front, "APP_UPSTREAM".parse()) {
        fragments.push(Fragment::AppVariable(AppVariable {
            app: app.clone(),
            name,
            value: proxy.upstream_variable(),
            switched: false,
            why: "where nginx finds the app".to_owned(),
        }));
    }
    fragments
}
