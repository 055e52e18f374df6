//! Configuration that `[proxy]` asks for.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::{AppVariable, ProxiedHost, ProxyServer, upstream_variable};

pub fn fragments(proxy: &Proxy, site: &Site) -> Vec<Fragment> {
    let (cdn_ranges, listen) =
        site.cdn.as_ref().map_or_else(Default::default, |cdn| (cdn.ranges.clone(), cdn.origins.clone()));
    let mut fragments = vec![Fragment::ProxyServer(ProxyServer {
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
    })];
    let Some(front) = &site.front else { return fragments };
    let named = (1..)
        .zip(&site.hosts)
        .filter_map(|(number, host)| Some((format!("APP_UPSTREAM_{number}"), host.upstream.as_ref()?)));
    for (name, upstream) in named.chain([("APP_UPSTREAM".to_owned(), &proxy.upstream)]) {
        // Letters, digits and underscores are a name.
        let Ok(name) = name.parse() else { continue };
        fragments.push(Fragment::AppVariable(AppVariable {
            app: front.clone(),
            name,
            value: upstream_variable(upstream),
            switched: false,
            why: "where nginx finds the app".to_owned(),
        }));
    }
    fragments
}
