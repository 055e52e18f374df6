//! `cache.ratio`: the share of a visit that the edge answers itself, over a mix of what the home page makes a visitor ask
//! for. Must not count what no class keeps: that share is the app's.

use std::time::Duration;

use super::{Cache, checks};
use crate::blueprint::Site;
use crate::concerns::answer::{answered, burst, http, is_from_store, listed};
use crate::concerns::ask::{NONCE, get};
use crate::concerns::{Check, Judgement, Safety};
use crate::probe::{BurstProbe, HttpProbe, Method, NTH, Observation, Probe, Scheme, Visitor};

/// Requests of one look, at least and at most; fewer than [`TOO_FEW`] show nothing.
const REQUESTS: (u32, u32) = (200, 1000);
const TOO_FEW: u64 = 100;
/// Assets of the home page that are part of the mix.
const ASSETS: usize = 6;
/// No sample of this size shows a larger share.
const MOST_PERCENT: u8 = 99;
/// Of a 95 % interval, squared (Wilson, 1927).
const Z_SQUARED: f64 = 3.841_459;

pub fn check(cache: &Cache, site: &Site) -> Option<Check> {
    let target = site.audience.as_ref()?.pages.hit_percent.get().min(MOST_PERCENT);
    site.cdn.as_ref()?;
    let kept: Vec<_> = cache.classes.iter().filter(|class| class.store).cloned().collect();
    let pages: Vec<String> = kept
        .iter()
        .filter(|class| !class.fingerprinted)
        .flat_map(|class| {
            // Visitors who come by an advertisement carry its parameters, each another text.
            let query = if class.ignore_query { format!("?utm_source=golive-{NONCE}-{NTH}") } else { String::new() };
            class.samples.iter().map(move |path| format!("{path}{query}"))
        })
        .collect();
    if pages.is_empty() {
        return None;
    }
    let prefixes: Vec<_> =
        kept.iter().filter(|class| class.fingerprinted).flat_map(|class| class.paths.clone()).collect();
    let home = get(Scheme::Https, &site.host, "/");
    let mix = {
        let home = home.clone();
        move |html: &str| -> Vec<HttpProbe> {
            let assets = checks::linked_assets(html, &home.host, &prefixes).into_iter().take(ASSETS);
            pages.iter().cloned().chain(assets).map(|path| HttpProbe { path, ..home.clone() }).collect()
        }
    };
    Some(Check {
        id: "cache.ratio",
        subject: site.host.to_string(),
        safety: Safety::S2,
        blocked_by: vec!["dns.host.target", "tls.chain", "gate.leftover", "cache.hit-on-second"],
        disturbs: true,
        ask: vec![home.into()],
        judge: Box::new(move |seen| {
            let page = answered!(http(&seen[0]));
            let urls = mix(&page.body.text);
            match seen.len() {
                1 => Judgement::Ask(questions(&urls, requests(target))),
                _ => judge(&urls, &seen[1 + urls.len()..], target),
            }
        }),
        remedy: "look at the worst URL: its class, its cookies, its query".to_owned(),
        source: "JVA-2, JVA-10: the home page must be the CDN's to answer",
        valid_for_seconds: 3600,
    })
}

/// How many requests show the target with some misses to spare.
fn requests(target: u8) -> u32 {
    let target = f64::from(target) / 100.0;
    let least = Z_SQUARED * target / (1.0 - target);
    // Twice as many; of a hundred at most, so that nothing is lost.
    let wanted = (2.0 * least).ceil() as u32;
    wanted.clamp(REQUESTS.0, REQUESTS.1)
}

/// Each URL once, so that there is a copy; then each as often as any other.
fn questions(urls: &[HttpProbe], requests: u32) -> Vec<Probe> {
    let count = requests.div_ceil(u32::try_from(urls.len()).unwrap_or(u32::MAX).max(1));
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    let warm = urls.iter().map(|url| HttpProbe { path: url.path.replace(NTH, "warm"), ..url.clone() }.into());
    let asked = urls.iter().map(|url| {
        Probe::Burst(BurstProbe {
            request: url.clone(),
            method: Method::Get,
            count,
            enough_refusals: 0,
            after: Duration::ZERO,
            visitor: Visitor::Own("ratio".to_owned()),
            counts: Some("cf-cache-status"),
        })
    });
    warm.chain(asked).collect()
}

fn judge(urls: &[HttpProbe], bursts: &[Observation], target: u8) -> Judgement {
    let (mut all, mut hits) = (0u64, 0u64);
    let mut worst: Option<(f64, String)> = None;
    for (url, observation) in urls.iter().zip(bursts) {
        let answer = answered!(burst(observation));
        let from_store = answer.counted.iter().filter(|(status, _)| is_from_store(status));
        let hit: u64 = from_store.map(|(_, count)| u64::from(*count)).sum();
        let of = answer.statuses.len() as u64;
        (all, hits) = (all + of, hits + hit);
        let share = hit as f64 / of.max(1) as f64;
        if worst.as_ref().is_none_or(|(least, _)| share < *least) {
            let statuses: Vec<String> =
                answer.counted.iter().map(|(status, count)| format!("{count} {status}")).collect();
            worst = Some((share, format!("{}: {}", url.path, listed(&statuses))));
        }
    }
    let worst = worst.map(|(_, text)| text).unwrap_or_default();
    let (low, high) = wilson(hits, all);
    let wanted = f64::from(target) / 100.0;
    let seen = format!("{hits} of {all} from the edge, {:.1} to {:.1} %; {target} % wanted", low * 100.0, high * 100.0);
    if all < TOO_FEW {
        Judgement::unknown(format!("{seen}; fewer than {TOO_FEW} answers show nothing"))
    } else if high < wanted {
        Judgement::fail(format!("{seen}; the worst is {worst}"))
    } else if low < wanted {
        Judgement::unknown(format!("{seen}: too near to tell; the worst is {worst}"))
    } else {
        Judgement::pass(seen)
    }
}

/// Bounds of the share of which this is a sample, with 95 % confidence.
fn wilson(hits: u64, all: u64) -> (f64, f64) {
    let n = all.max(1) as f64;
    let p = hits as f64 / n;
    let centre = p + Z_SQUARED / (2.0 * n);
    let half = (Z_SQUARED * (p * (1.0 - p) / n + Z_SQUARED / (4.0 * n * n))).sqrt();
    let whole = 1.0 + Z_SQUARED / n;
    (((centre - half) / whole).max(0.0), ((centre + half) / whole).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::probe::BurstAnswer;

    #[test]
    fn too_few_answers_show_nothing_and_others_only_what_they_can() {
        let url = get(Scheme::Https, &"www.example.org".parse().expect("a name"), "/");
        let judged = |hits: u16, all: u16| {
            let answer = BurstAnswer {
                at: jiff::Timestamp::UNIX_EPOCH,
                connected: String::new(),
                statuses: vec![200; all.into()],
                sending: Duration::ZERO,
                headers: std::collections::BTreeMap::new(),
                counted: [("HIT".to_owned(), hits), ("MISS".to_owned(), all - hits)].into(),
            };
            match judge(std::slice::from_ref(&url), &[Observation::Burst(answer)], 90) {
                Judgement::Say(verdict, because) => (verdict, because),
                Judgement::Ask(_) => panic!("a verdict"),
            }
        };
        assert_eq!(judged(400, 400).0, Verdict::Pass);
        assert_eq!(judged(200, 400).0, Verdict::Fail);
        let (verdict, because) = judged(362, 400);
        assert!(verdict == Verdict::Unknown && because.contains("too near to tell"), "{because}");
        for hits in [0, 99] {
            let (verdict, because) = judged(hits, 99);
            assert!(verdict == Verdict::Unknown && because.contains("fewer than 100"), "{because}");
        }
    }

    #[test]
    fn the_interval_is_wilsons() {
        // 10 of 10, 0 of 10, 95 of 100: his formula by hand.
        for (hits, all, low, high) in [(10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (95, 100, 0.8882, 0.9785)] {
            let (below, above) = wilson(hits, all);
            assert!((below - low).abs() < 1e-4 && (above - high).abs() < 1e-4, "{hits} of {all}: {below} {above}");
        }
        let (low, _) = wilson(requests(98).into(), requests(98).into());
        assert!(low > 0.98, "enough to show the target: {low}");
    }
}
