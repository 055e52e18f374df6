//! The deadlines of a launch, counted back from the announcement, each with its sum and its point of no return.
//!
//! Pure: golive counts, people decide. Must not read a clock.

use jiff::{SignedDuration, Timestamp};

use crate::blueprint::Site;
use crate::concerns::mail::WARM_DAYS;
use crate::concerns::people::Role;
use crate::consent;
use crate::language::Said;

/// Before the announcement by so much, all is published; after it by so much, TTLs may go up again.
pub const MARGIN: SignedDuration = SignedDuration::from_hours(24);
/// For so long the answers of DNS checks count (facts of the check catalogue, section 3, rule 12).
const DNS_EVIDENCE: SignedDuration = SignedDuration::from_mins(15);
/// The first base copy of point-in-time recovery may take so long (Scalingo).
const FIRST_BASE_COPY: SignedDuration = SignedDuration::from_hours(24);

/// The moments that a runbook may count from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moments {
    pub announcement: Timestamp,
    pub vote: Option<Timestamp>,
    /// The freeze that covers the announcement, or else the first.
    pub freeze: Option<(Timestamp, Timestamp)>,
    /// From then on the TTL must be low, so that the steady one has run out everywhere when records change.
    pub lower_ttl: Timestamp,
    pub publish: Timestamp,
    pub raise_ttl: Timestamp,
    /// From when to when every container runs.
    pub prescale: Option<(Timestamp, Timestamp)>,
}

impl Moments {
    pub fn of(site: &Site) -> Self {
        let announcement = site.announcement;
        let moved = |by: SignedDuration| announcement.saturating_add(by).unwrap_or(announcement);
        let steady = SignedDuration::from_secs(site.steady_ttl.get().into());
        let freezes = || site.people.iter().flat_map(|people| &people.freezes);
        let freeze = freezes()
            .find(|freeze| freeze.from.instant() <= announcement && announcement < freeze.until.instant())
            .or_else(|| freezes().next());
        Self {
            announcement,
            vote: site.people.as_ref().and_then(|people| people.vote.as_ref()).map(|vote| vote.at.instant()),
            freeze: freeze.map(|freeze| (freeze.from.instant(), freeze.until.instant())),
            lower_ttl: moved(-MARGIN - steady),
            publish: moved(-MARGIN),
            raise_ttl: moved(MARGIN),
            prescale: site.audience.as_ref().map(|audience| {
                let hours = |count: crate::blueprint::value::Count| SignedDuration::from_hours(count.get().into());
                (moved(-hours(audience.prescale_hours_before)), moved(hours(audience.prescale_hours_after)))
            }),
        }
    }
}

/// Something that must have happened by a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    pub at: Timestamp,
    /// From then on it can no longer be done, or taken back, so that it holds at the announcement.
    pub no_return: Timestamp,
    pub role: Role,
    pub what: Said,
    /// The sum behind it.
    pub why: Said,
    /// What holds once the point of no return has passed.
    pub then: Said,
}

/// Every deadline that this blueprint knows, earliest first.
pub fn deadlines(site: &Site) -> Vec<Deadline> {
    let moments = Moments::of(site);
    let announcement = moments.announcement;
    let before = |by: SignedDuration| announcement.saturating_sub(by).unwrap_or(announcement);
    let seconds = |ttl: u32| SignedDuration::from_secs(ttl.into());
    let (lowered, steady) = (site.lowered_ttl.get(), site.steady_ttl.get());
    let mut all = vec![
        Deadline {
            at: moments.lower_ttl,
            no_return: before(seconds(steady)),
            role: Role::Dns,
            what: Said::new(
                format!("Every name that will change has a TTL of {lowered} s"),
                format!("Tout nom qui va changer a un TTL de {lowered} s"),
            ),
            why: Said::new(
                format!("24 h before the announcement, less the former TTL of {steady} s"),
                format!("24 h avant l'annonce, moins l'ancien TTL de {steady} s"),
            ),
            then: Said::new(
                "an answer given with the former TTL outlives the announcement",
                "une réponse donnée avec l'ancien TTL survit à l'annonce",
            ),
        },
        Deadline {
            at: moments.publish,
            no_return: before(seconds(site.longest_negative_ttl().max(lowered))),
            role: Role::Dns,
            what: Said::new(
                "Every record is published, on every name server",
                "Tous les enregistrements sont publiés, sur chaque serveur de noms",
            ),
            why: Said::new(
                "24 h before the announcement: time to see it and to mend it",
                "24 h avant l'annonce : le temps de le constater et de corriger",
            ),
            then: Said::new(
                format!(
                    "whoever asked for a name before it was there is told so for {} s more",
                    site.longest_negative_ttl()
                ),
                format!(
                    "qui a demandé un nom avant qu'il existe s'entend répondre qu'il n'existe pas, pendant encore {} s",
                    site.longest_negative_ttl()
                ),
            ),
        },
        Deadline {
            at: before(seconds(lowered)),
            no_return: before(seconds(lowered)),
            role: Role::Dns,
            what: Said::new(
                "Last moment to take a DNS change back",
                "Dernier moment pour revenir sur un changement DNS",
            ),
            why: Said::new(
                format!("the announcement, less the lowered TTL of {lowered} s"),
                format!("l'annonce, moins le TTL abaissé de {lowered} s"),
            ),
            then: Said::new(
                "the first visitors go where the records lead now",
                "les premiers visiteurs iront là où mènent les enregistrements actuels",
            ),
        },
        Deadline {
            at: moments.raise_ttl,
            no_return: moments.raise_ttl,
            role: Role::Dns,
            what: Said::new(format!("TTLs go back to {steady} s"), format!("Les TTL reviennent à {steady} s")),
            why: Said::new("24 h after the announcement", "24 h après l'annonce"),
            then: Said::new(
                "name servers bear more questions than they need",
                "les serveurs de noms portent plus de questions que nécessaire",
            ),
        },
        Deadline {
            at: consent::quiet(site).start,
            no_return: consent::quiet(site).start,
            role: Role::Lead,
            what: Said::new("Nobody tests the live site any more", "Plus personne ne teste le site en service"),
            why: Said::new(
                "two hours before the announcement, until the audience has gone: what looks only goes on",
                "deux heures avant l'annonce, jusqu'au départ de l'audience : seul ce qui regarde continue",
            ),
            then: Said::new(
                "golive refuses checks above S1 whatever was agreed",
                "golive refuse les contrôles au-dessus de S1, quel que soit l'accord",
            ),
        },
    ];
    if site.cdn.is_some() {
        all.push(Deadline {
            at: moments.publish,
            no_return: before(seconds(lowered)),
            role: Role::Cdn,
            what: Said::new("The certificate of the edge is active", "Le certificat de l'edge est actif"),
            why: Said::new(
                "before the names move, 24 h before the announcement",
                "avant que les noms ne changent, 24 h avant l'annonce",
            ),
            then: Said::new(
                "without it the first visitors see an error, and moving back takes a TTL",
                "sans lui, les premiers visiteurs voient une erreur, et revenir en arrière prend un TTL",
            ),
        });
    }
    for sender in site.mail.iter().flat_map(|mail| &mail.table.domains).flat_map(|domain| &domain.senders) {
        let start = before(SignedDuration::from_hours(24 * i64::from(WARM_DAYS)));
        all.push(Deadline {
            at: start,
            no_return: start,
            role: Role::Mail,
            what: Said::new(
                format!("{} sends a little more each day", sender.address),
                format!("{} envoie un peu plus chaque jour", sender.address),
            ),
            why: Said::new(
                format!("{WARM_DAYS} days before the announcement: a rule of thumb, no receiver publishes a figure"),
                format!("{WARM_DAYS} jours avant l'annonce : règle d'usage, aucun destinataire ne publie de chiffre"),
            ),
            then: Said::new(
                "receivers slow it down on the night: confirmations wait",
                "les destinataires la freinent le soir même : les confirmations attendent",
            ),
        });
    }
    if site.database.as_ref().is_some_and(|database| database.point_in_time_recovery_days.get() > 0) {
        all.push(Deadline {
            at: before(FIRST_BASE_COPY * 2),
            no_return: before(FIRST_BASE_COPY),
            role: Role::Database,
            what: Said::new(
                "Point-in-time recovery runs, and a restore was tried",
                "La restauration à un instant donné fonctionne, et a été essayée",
            ),
            why: Said::new(
                "the first base copy may take 24 h, then a day for the trial",
                "la première copie de base peut prendre 24 h, puis un jour pour l'essai",
            ),
            then: Said::new(
                "there may be no moment of the day to go back to",
                "il peut n'y avoir aucun instant du jour auquel revenir",
            ),
        });
    }
    if let Some((from, until)) = moments.prescale {
        all.push(Deadline {
            at: from,
            no_return: announcement,
            role: Role::App,
            what: Said::new("Every planned container runs", "Tous les conteneurs prévus tournent"),
            why: Said::new(
                "the pre-scaling floor of the audience: what load starts comes too late (DOC-2)",
                "le plancher de conteneurs de l'audience : ceux que la charge démarre arrivent trop tard (DOC-2)",
            ),
            then: Said::new("the peak is there before they are", "le pic arrive avant eux"),
        });
        all.push(Deadline {
            at: until,
            no_return: until,
            role: Role::App,
            what: Said::new("Containers may be taken away", "Des conteneurs peuvent être retirés"),
            why: Said::new(
                "the second day was busier at others' (DOC-10); by decision alone",
                "ailleurs, le deuxième jour fut plus chargé (DOC-10) ; sur décision seulement",
            ),
            then: Said::new("they cost money", "ils coûtent"),
        });
    }
    if let Some(people) = &site.people {
        for freeze in &people.freezes {
            all.push(Deadline {
                at: freeze.from.instant(),
                no_return: freeze.from.instant(),
                role: Role::App,
                what: Said::new("The last deployment has ended", "Le dernier déploiement est terminé"),
                why: Said::new(format!("freeze: {}", freeze.protects), format!("gel : {}", freeze.protects)),
                then: Said::new("what is not deployed stays out", "ce qui n'est pas déployé reste dehors"),
            });
            all.push(Deadline {
                at: freeze.until.instant(),
                no_return: freeze.until.instant(),
                role: Role::App,
                what: Said::new("Deployments may go on", "Les déploiements peuvent reprendre"),
                why: Said::new("end of the freeze", "fin du gel"),
                then: Said::new("nothing", "rien"),
            });
        }
        if let Some(vote) = &people.vote {
            let at = vote.at.instant();
            all.push(Deadline {
                at: at.saturating_sub(DNS_EVIDENCE).unwrap_or(at),
                no_return: at,
                role: Role::Lead,
                what: Said::new("All checks run once more", "Tous les contrôles sont relancés"),
                why: Said::new(
                    "answers of the DNS count for 15 minutes, and the vote is on what still counts",
                    "les réponses du DNS valent 15 minutes, et le vote porte sur ce qui vaut encore",
                ),
                then: Said::new("expired evidence blocks a go", "une preuve périmée bloque le feu vert"),
            });
            all.push(Deadline {
                at,
                no_return: announcement,
                role: Role::Lead,
                what: Said::new("Go or no-go", "Feu vert ou non"),
                why: Said::new(format!("as agreed: {}", vote.criteria), format!("convenu : {}", vote.criteria)),
                then: Said::new("the announcement is made", "l'annonce est faite"),
            });
        }
        for slot in people.media.iter().flat_map(|media| &media.slots) {
            all.push(Deadline {
                at: slot.at.instant(),
                no_return: slot.at.instant(),
                role: people.media.as_ref().map_or(Role::Communicator, |media| media.owner),
                what: Said::new(slot.what.to_string(), slot.what.to_string()),
                why: Said::new("the media agenda", "l'agenda des médias"),
                then: Said::new("visitors come", "les visiteurs arrivent"),
            });
        }
    }
    all.sort_by_key(|deadline| (deadline.at, deadline.no_return));
    all
}
