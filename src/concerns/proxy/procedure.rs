//! What a person does about `[proxy]`.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::Procedure;
use crate::concerns::fragment::{RunsOn, upstream_variable};

pub fn procedure(proxy: &Proxy, site: &Site) -> Procedure {
    let deploy = match proxy.runs_on {
        RunsOn::Scalingo => format!(
            "Deploy nginx/scalingo/ as an app of its own with the nginx buildpack, APP_UPSTREAM=\"{}\" in its environment.",
            upstream_variable(&proxy.upstream)
        ),
        RunsOn::Server => {
            "Copy nginx/proxy/ to the machine, put the certificate into tls/, run `nginx -t -p DIR -c nginx.conf`."
                .to_owned()
        }
    };
    Procedure {
        before: vec![deploy, format!("Add {} as a domain of the proxy, not of the app.", site.host)],
        when_red: vec![
            "origin.lock red: visitors can walk round the CDN, its cache and its limits; look at who may connect."
                .to_owned(),
            "origin.host red: the default server answers for names that are not yours.".to_owned(),
        ],
        undo: vec!["Point the CDN's origin records at the app itself; cache headers are then the app's.".to_owned()],
    }
}
