//! The arithmetic of a launch: visitors to visits, requests, containers, connections, megabits, and what a waiting room
//! would let in. Pure, in whole numbers, each rounded to the careful side.
//!
//! Reads [`Site`] alone, so that checks judge what a drill has changed. Must not decide what is too little: checks and
//! findings do.

use serde::{Serialize, Serializer};

use crate::blueprint::Site;
use crate::blueprint::value::{Count, Label};
use crate::concerns::apps::Container;
use crate::language::{Language, Said};

/// The share of what a container bears that is planned with, in per cent. The rest is for what the mean hides.
pub const PLANNED_BUSY_PERCENT: u32 = 70;
/// What one container of the platform sends at most: 20 MB/s (Scalingo, platform internals), in Mbit/s.
pub const CONTAINER_MEGABITS: u32 = 160;
/// The share of a tested load that a waiting room may let in, in per cent.
const ROOM_PERCENT: u64 = 75;

/// `number / span`, rounded to the nearest; nothing for an empty span.
pub fn mean(number: u64, span: u64) -> u64 {
    number.saturating_mul(2).saturating_add(span).checked_div(span.saturating_mul(2)).unwrap_or(0)
}

/// The busiest second: `visitors` within `minutes`, times `peak` per cent; rounded up.
pub fn peak(visitors: u64, minutes: u64, peak_percent: u64) -> u64 {
    share(visitors.saturating_mul(peak_percent), minutes.saturating_mul(60 * 100))
}

/// Requests that a cache with this share of hits leaves over; rounded up.
pub fn misses(requests: u64, hit_percent: u64) -> u64 {
    share(requests.saturating_mul(100u64.saturating_sub(hit_percent)), 100)
}

/// Containers for `rate`, if one was measured at `measured` while `busy` per cent busy; rounded up.
pub fn containers(rate: u64, measured: u64, busy_percent: u64) -> u64 {
    share(rate.saturating_mul(busy_percent), measured.saturating_mul(PLANNED_BUSY_PERCENT.into()))
}

/// Mbit/s of so many answers a second of so many kB; rounded up.
pub fn megabits(requests: u64, kilobytes: u64) -> u64 {
    share(requests.saturating_mul(kilobytes).saturating_mul(8), 1000)
}

/// Per cent of `limit`; rounded up.
pub fn percent_of(number: u64, limit: u64) -> u64 {
    share(number.saturating_mul(100), limit)
}

fn share(number: u64, of: u64) -> u64 {
    if of == 0 { 0 } else { number.div_ceil(of) }
}

/// The whole sheet. Rates are a second, unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capacity {
    pub visitors: u64,
    pub low: Option<u64>,
    pub window_minutes: u64,
    pub peak_percent: u64,
    /// Mean of the window.
    pub visits_mean: u64,
    pub low_mean: Option<u64>,
    /// In the busiest second.
    pub visits_peak: u64,
    pub page_requests: u64,
    /// Of them, those that the CDN does not answer.
    pub page_misses: u64,
    /// Page misses and the requests of the journeys.
    pub origin_requests: u64,
    /// What visitors receive from the CDN and the origin together.
    pub edge_megabits: u64,
    pub journeys: Vec<JourneyNeed>,
    pub groups: Vec<GroupNeed>,
    pub lines: Vec<LineNeed>,
    pub connections: Option<Connections>,
    pub waiting_room: WaitingRoom,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JourneyNeed {
    pub name: String,
    pub per_second: u64,
    pub requests: u64,
    /// Over the whole window, and of how many visitors in a hundred.
    pub in_window: u64,
    pub percent_of_visitors: u64,
}

/// Containers of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupNeed {
    pub app: String,
    pub container: String,
    /// Each thing that they answer, and the containers for it.
    pub shares: Vec<Share>,
    pub needed: u64,
    /// `None`: the blueprint has no such containers.
    pub planned: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    #[serde(serialize_with = "english")]
    pub what: Said,
    pub per_second: u64,
    pub measured_per_second: u64,
    pub measured_busy_percent: u64,
    pub containers: u64,
}

/// A line over which answers leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineNeed {
    #[serde(serialize_with = "english")]
    pub of: Said,
    pub megabits: u64,
    pub limit: u64,
    pub percent: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// The most containers that run, of all types.
    pub containers: u64,
    pub per_container: u64,
    pub reserved: u64,
    /// On a quiet day.
    pub steady: u64,
    /// While a deployment has old and new containers up.
    pub deploying: u64,
    pub limit: u64,
}

/// Numbers for a waiting room that lets in what the plan bears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingRoom {
    /// Visits a second that the fewest containers allow.
    pub bearable: u64,
    pub new_users_per_minute: u64,
    pub total_active_users: u64,
}

/// As every report has it.
fn english<S: Serializer>(said: &Said, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(said.told_in(Language::En))
}

/// The sheet of a site; `None` without `[audience]`.
pub fn of(site: &Site) -> Option<Capacity> {
    let audience = site.audience.as_ref()?;
    let number = |count: Count| u64::from(count.get());
    let minutes = number(audience.window_minutes);
    let seconds = minutes.saturating_mul(60);
    let visitors = number(audience.visitors);
    let visits_peak = peak(visitors, minutes, number(audience.peak_percent));
    let pages = &audience.pages;
    let page_requests = visits_peak.saturating_mul(number(pages.requests));
    let page_misses = misses(page_requests, pages.hit_percent.get().into());

    let mut groups: Vec<GroupNeed> = Vec::new();
    let mut lines: Vec<LineNeed> = Vec::new();
    let mut add = |app: &Label, container: &Label, what: Said, rate: u64, measured: (Count, u8), sent: u64| {
        let (measured, busy) = (number(measured.0), u64::from(measured.1));
        let needed = containers(rate, measured, busy);
        let at = groups.iter().position(|group| group.app == app.as_str() && group.container == container.as_str());
        let at = at.unwrap_or_else(|| {
            let planned = planned(site, app, container).map(|container| number(container.count));
            groups.push(GroupNeed {
                app: app.to_string(),
                container: container.to_string(),
                shares: Vec::new(),
                needed: 0,
                planned,
            });
            lines.push(LineNeed { of: of_containers(app, container), megabits: 0, limit: 0, percent: 0 });
            groups.len() - 1
        });
        groups[at].needed = groups[at].needed.saturating_add(needed);
        groups[at].shares.push(Share {
            what,
            per_second: rate,
            measured_per_second: measured,
            measured_busy_percent: busy,
            containers: needed,
        });
        lines[at].megabits = lines[at].megabits.saturating_add(sent);
    };
    let measured = (pages.measured_per_second, pages.measured_busy_percent.get());
    let sent = megabits(page_misses, number(pages.kilobytes));
    add(
        &pages.app,
        &pages.container,
        Said::new("pages that the CDN has not", "pages que le CDN n'a pas"),
        page_misses,
        measured,
        sent,
    );
    let mut origin_requests = page_misses;
    let mut edge_megabits = megabits(page_requests, number(pages.kilobytes));
    let mut journeys = Vec::new();
    for journey in &audience.journeys {
        let rate = number(journey.per_second);
        let requests = rate.saturating_mul(number(journey.requests));
        let sent = megabits(requests, number(journey.kilobytes));
        origin_requests = origin_requests.saturating_add(requests);
        edge_megabits = edge_megabits.saturating_add(sent);
        let measured = (journey.measured_per_second, journey.measured_busy_percent.get());
        add(&journey.app, &journey.container, Said::as_written(journey.name.as_str()), rate, measured, sent);
        let in_window = rate.saturating_mul(seconds);
        journeys.push(JourneyNeed {
            name: journey.name.to_string(),
            per_second: rate,
            requests,
            in_window,
            percent_of_visitors: mean(in_window.saturating_mul(100), visitors),
        });
    }
    for (line, group) in lines.iter_mut().zip(&groups) {
        line.limit = group.planned.unwrap_or(0).saturating_mul(CONTAINER_MEGABITS.into());
    }
    // All that leaves the origin passes the front.
    let total = lines.iter().map(|line| line.megabits).fold(0, u64::saturating_add);
    if let Some(limit) = audience.link_megabits_per_second {
        lines = vec![LineNeed {
            of: Said::new("your line", "votre liaison"),
            megabits: total,
            limit: number(limit),
            percent: 0,
        }];
    } else if let Some((name, limit)) = front(site) {
        lines.retain(|line| line.of != name);
        lines.insert(0, LineNeed { of: name, megabits: total, limit, percent: 0 });
    }
    for line in &mut lines {
        line.percent = percent_of(line.megabits, line.limit);
    }
    let bearable = bearable(&groups, visits_peak);
    let new_users_per_minute = bearable.saturating_mul(60).saturating_mul(ROOM_PERCENT) / 100;
    Some(Capacity {
        visitors,
        low: audience.low.map(number),
        window_minutes: minutes,
        peak_percent: number(audience.peak_percent),
        visits_mean: mean(visitors, seconds),
        low_mean: audience.low.map(|low| mean(number(low), seconds)),
        visits_peak,
        page_requests,
        page_misses,
        origin_requests,
        edge_megabits,
        journeys,
        groups,
        lines,
        connections: connections(site),
        waiting_room: WaitingRoom {
            bearable,
            new_users_per_minute,
            total_active_users: new_users_per_minute.saturating_mul(number(audience.stay_minutes)),
        },
    })
}

fn planned<'a>(site: &'a Site, app: &Label, kind: &Label) -> Option<&'a Container> {
    site.platform.as_ref()?.apps.iter().find(|one| one.name == *app)?.container(kind)
}

/// Containers, as a line.
fn of_containers(app: &Label, container: &Label) -> Said {
    Said::as_written(format!("{app} {container}"))
}

/// The front's web containers, as a line.
fn front(site: &Site) -> Option<(Said, u64)> {
    let front = site.platform.as_ref()?.apps.iter().find(|app| app.front)?;
    let web = front.containers.iter().find(|container| container.kind.as_str() == "web")?;
    let limit = u64::from(web.count.get()) * u64::from(CONTAINER_MEGABITS);
    Some((of_containers(&front.name, &web.kind), limit))
}

/// Visits a second at which the first group of containers is as busy as planned.
fn bearable(groups: &[GroupNeed], visits_peak: u64) -> u64 {
    let each = groups.iter().filter(|group| group.needed > 0).map(|group| {
        // In per mille of a container, since the sum above rounds each share up.
        let need: u64 = group
            .shares
            .iter()
            .map(|share| {
                containers(
                    share.per_second.saturating_mul(1000),
                    share.measured_per_second,
                    share.measured_busy_percent,
                )
            })
            .fold(0, u64::saturating_add);
        let planned = group.planned.unwrap_or(0).saturating_mul(1000);
        visits_peak.saturating_mul(planned) / need.max(1)
    });
    each.min().unwrap_or(visits_peak)
}

/// What the database's clients open; `None` without a database, or without the app it belongs to.
pub fn connections(site: &Site) -> Option<Connections> {
    let database = site.database.as_ref()?;
    let app = site.platform.as_ref()?.apps.iter().find(|app| app.name == database.app)?;
    let containers: u64 = app.containers.iter().map(|container| u64::from(container.most())).sum();
    let per_container = u64::from(database.connections_per_container.get());
    let reserved = u64::from(database.reserved_connections.get());
    let pools = containers.saturating_mul(per_container);
    Some(Connections {
        containers,
        per_container,
        reserved,
        steady: pools.saturating_add(reserved),
        deploying: pools.saturating_mul(2).saturating_add(reserved),
        limit: database.plan.connections().into(),
    })
}

/// One line of the sheet: what, by which sum, how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub what: String,
    pub how: String,
    pub is: String,
}

/// A part of the sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    pub title: &'static str,
    pub lines: Vec<Line>,
}

impl Capacity {
    /// Whether containers, lines and connections suffice.
    pub fn is_enough(&self) -> bool {
        self.groups.iter().all(|group| group.planned.is_some_and(|planned| planned >= group.needed))
            && self.lines.iter().all(|line| line.limit > 0 && line.percent < 100)
            && self.connections.as_ref().is_none_or(|connections| connections.deploying <= connections.limit)
    }

    /// The arithmetic, line by line, for people.
    pub fn shown(&self, language: Language) -> Vec<Section> {
        let section =
            |en: &'static str, fr: &'static str, lines: Vec<Line>| Section { title: language.of(en, fr), lines };
        let mut sections = vec![
            section("Visitors", "Visiteurs", self.visitor_lines(language)),
            section("Requests", "Requêtes", self.request_lines(language)),
            section("Containers", "Conteneurs", self.container_lines(language)),
        ];
        if let Some(connections) = &self.connections {
            sections.push(section("Database connections", "Connexions à la base", connections.lines(language)));
        }
        let number = |number: u64| language.number(number);
        let lines = self.lines.iter().map(|line| {
            let how = format!("{} {} {} Mbit/s", number(line.megabits), language.of("of", "sur"), number(line.limit));
            shown(line.of.told_in(language), how, format!("{} %", number(line.percent)))
        });
        sections.push(section("Lines", "Liaisons", lines.collect()));
        sections.push(section("Waiting room", "Salle d'attente", self.room_lines(language)));
        sections
    }

    fn visitor_lines(&self, language: Language) -> Vec<Line> {
        let number = |number: u64| language.number(number);
        let seconds = number(self.window_minutes.saturating_mul(60));
        let visits = language.of("visits/s", "visites/s");
        let mut lines = Vec::new();
        if let (Some(low), Some(low_mean)) = (self.low, self.low_mean) {
            lines.push(shown(
                language.of("mean, low estimate", "moyenne, estimation basse"),
                format!("{} / {seconds} s", number(low)),
                format!("{} {visits}", number(low_mean)),
            ));
        }
        lines.push(shown(
            language.of("mean", "moyenne"),
            format!("{} / {seconds} s", number(self.visitors)),
            format!("{} {visits}", number(self.visits_mean)),
        ));
        lines.push(shown(
            language.of("busiest second", "seconde la plus chargée"),
            format!("{} / {seconds} s x {} %", number(self.visitors), self.peak_percent),
            format!("{} {visits}", number(self.visits_peak)),
        ));
        lines
    }

    fn request_lines(&self, language: Language) -> Vec<Line> {
        let number = |number: u64| language.number(number);
        let requests = |count: u64| format!("{} {}", number(count), language.of("requests/s", "requêtes/s"));
        let each = mean(self.page_requests, self.visits_peak);
        let hit = 100u64.saturating_sub(percent_of(self.page_misses, self.page_requests));
        let mut lines = vec![
            shown(
                language.of("pages, to the CDN", "pages, vers le CDN"),
                format!("{} x {}", number(self.visits_peak), number(each)),
                requests(self.page_requests),
            ),
            shown(
                language.of("pages, beyond the CDN", "pages, au-delà du CDN"),
                format!("{} x {} %", number(self.page_requests), 100 - hit),
                requests(self.page_misses),
            ),
        ];
        for journey in &self.journeys {
            let (rate, each) = (number(journey.per_second), number(mean(journey.requests, journey.per_second)));
            let (all, percent) = (number(journey.in_window), number(journey.percent_of_visitors));
            let how = match language {
                Language::En => format!("{rate}/s x {each}; {all} in the window, {percent} % of the visitors"),
                Language::Fr => {
                    format!("{rate}/s x {each} ; {all} sur la période, {percent} % des visiteurs")
                }
            };
            lines.push(shown(&journey.name, how, requests(journey.requests)));
        }
        lines.push(shown(
            language.of("all, to the origin", "total, vers l'origine"),
            language.of("pages beyond the CDN and journeys", "pages au-delà du CDN et parcours").to_owned(),
            requests(self.origin_requests),
        ));
        lines.push(shown(
            language.of("all, from the CDN", "total, depuis le CDN"),
            language.of("at the mean sizes given", "aux tailles moyennes données").to_owned(),
            format!("{} Mbit/s", number(self.edge_megabits)),
        ));
        lines
    }

    fn container_lines(&self, language: Language) -> Vec<Line> {
        let number = |number: u64| language.number(number);
        let mut lines = Vec::new();
        for group in &self.groups {
            for share in &group.shares {
                let (rate, measured) = (number(share.per_second), number(share.measured_per_second));
                let busy = share.measured_busy_percent;
                let how = match language {
                    Language::En => format!(
                        "{rate}/s / {measured}/s, measured {busy} % busy, planned {PLANNED_BUSY_PERCENT} % busy"
                    ),
                    Language::Fr => format!(
                        "{rate}/s / {measured}/s, mesuré à {busy} % d'occupation, prévu à {PLANNED_BUSY_PERCENT} %"
                    ),
                };
                lines.push(shown(share.what.told_in(language), how, number(share.containers)));
            }
            let needed = number(group.needed);
            let how = match (language, group.planned) {
                (Language::En, Some(planned)) => format!("{needed} needed, {} planned", number(planned)),
                (Language::En, None) => format!("{needed} needed, none planned"),
                (Language::Fr, Some(planned)) => format!("besoin : {needed}, prévus : {}", number(planned)),
                (Language::Fr, None) => format!("besoin : {needed}, aucun prévu"),
            };
            let missing = group.needed.saturating_sub(group.planned.unwrap_or(0));
            let is = match (group.planned, missing) {
                (Some(_), 0) => language.of("enough", "suffisant").to_owned(),
                _ => match language {
                    Language::En => format!("{} short", number(missing)),
                    Language::Fr => format!("manque : {}", number(missing)),
                },
            };
            lines.push(shown(&format!("{} {}", group.app, group.container), how, is));
        }
        lines
    }

    fn room_lines(&self, language: Language) -> Vec<Line> {
        let number = |number: u64| language.number(number);
        let room = &self.waiting_room;
        let stay = mean(room.total_active_users, room.new_users_per_minute);
        vec![
            shown(
                language.of("what the plan bears", "ce que le dimensionnement supporte"),
                language
                    .of(
                        "as many visits as keep the fewest containers as busy as planned",
                        "autant de visites que le groupe de conteneurs le plus juste en admet à l'occupation prévue",
                    )
                    .to_owned(),
                format!("{} {}", number(room.bearable), language.of("visits/s", "visites/s")),
            ),
            shown(
                language.of("new users a minute", "nouveaux visiteurs par minute"),
                format!("{}/s x 60 x {ROOM_PERCENT} %", number(room.bearable)),
                number(room.new_users_per_minute),
            ),
            shown(
                language.of("users at once", "visiteurs à la fois"),
                format!("{} x {stay} minutes", number(room.new_users_per_minute)),
                number(room.total_active_users),
            ),
        ]
    }
}

impl Connections {
    fn lines(&self, language: Language) -> Vec<Line> {
        let number = |number: u64| language.number(number);
        let pools = format!(
            "{} {} x {}",
            number(self.containers),
            language.of("containers", "conteneurs"),
            number(self.per_container)
        );
        let kept = format!("{} {}", number(self.reserved), language.of("kept", "réservées"));
        let of = |count: u64| {
            let percent = percent_of(count, self.limit);
            format!("{}, {percent} % {} {}", number(count), language.of("of", "de"), number(self.limit))
        };
        vec![
            shown(language.of("quiet", "au calme"), format!("{pools} + {kept}"), of(self.steady)),
            shown(
                language.of("while deploying", "pendant un déploiement"),
                format!("{pools} x 2 + {kept}"),
                of(self.deploying),
            ),
        ]
    }
}

fn shown(what: &str, how: String, is: String) -> Line {
    Line { what: what.to_owned(), how, is }
}

/// 1,080,000
pub fn grouped(number: u64) -> String {
    Language::En.number(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked examples of the launches, as their stories tell them.
    #[test]
    fn jva_visitors_to_visits_a_second() {
        assert_eq!(mean(3_000_000, 30 * 60), 1667);
        assert_eq!(mean(2_000_000, 30 * 60), 1111);
        assert_eq!(mean(500_000, 30 * 60), 278);
    }

    #[test]
    fn jva_sign_ups() {
        let in_window = 600 * 30 * 60;
        assert_eq!(in_window, 1_080_000);
        assert_eq!(percent_of(in_window, 3_000_000), 36);
        // 50 containers bore 600 a second: 12 each. Were that all that they could, 72 would be planned.
        assert_eq!(mean(600, 50), 12);
        assert_eq!(containers(600, 12, PLANNED_BUSY_PERCENT.into()), 50);
        assert_eq!(containers(600, 12, 100), 72);
    }

    #[test]
    fn jva_redirect() {
        assert_eq!(mean(10_000_000, 30 * 60), 5556);
        // Tested at 8,000 a second: 1.44 times the mean.
        assert_eq!(peak(10_000_000, 30, 144), 8000);
        assert_eq!(percent_of(8000, 5556), 144);
    }

    #[test]
    fn doc_bookings() {
        assert_eq!(mean(926_000, 9000), 103);
        // 300 a second at the peak: 2.9 times the mean.
        assert_eq!(percent_of(300, 103), 292);
        assert_eq!(peak(926_000, 150, 292), 301);
        // 0.5 to 2.1 million visitors in a quarter of an hour.
        assert_eq!(mean(2_100_000 - 500_000, 900), 1778);
        // 1.89 to 10.3 million transactions a minute. Elsewhere 8,000 to 26,000 a second: other units.
        assert_eq!((mean(1_890_000, 60), mean(10_300_000, 60)), (31_500, 171_667));
    }

    #[test]
    fn alt_lines_and_servers() {
        // 10,000 visits a day were planned with, and 2 to 3 million came.
        assert_eq!(percent_of(2_000_000, 10_000), 20_000);
        // 50 to 100 Mbit/s were there, 350 to 400 needed.
        assert_eq!((percent_of(350, 100), percent_of(400, 50)), (350, 800));
        assert_eq!(megabits(2500, 20), 400);
        // 20 servers became 40: twice the rate.
        assert_eq!(containers(2 * 1400, 100, 100), 2 * containers(1400, 100, 100));
        assert_eq!(containers(1400, 100, 100), 20);
    }

    #[test]
    fn nothing_divides_by_nothing() {
        assert_eq!((mean(1, 0), peak(1, 0, 100), containers(1, 0, 100), percent_of(1, 0)), (0, 0, 0, 0));
        assert_eq!(misses(1000, 100), 0);
        assert_eq!(misses(1001, 98), 21);
        assert_eq!(peak(u64::MAX, 1, 150), u64::MAX.div_ceil(6000));
    }
}
