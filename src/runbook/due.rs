//! Deadlines as a runbook writes them: a moment of the launch, and how long before or after it.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use super::timeline::Moments;

/// A moment that a blueprint knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Announcement,
    Vote,
    FreezeStart,
    FreezeEnd,
    LowerTtl,
    Publish,
    RaiseTtl,
    Prescale,
    PrescaleEnd,
}

impl Anchor {
    const ALL: [(&'static str, Anchor); 9] = [
        ("announcement", Anchor::Announcement),
        ("vote", Anchor::Vote),
        ("freeze-start", Anchor::FreezeStart),
        ("freeze-end", Anchor::FreezeEnd),
        ("lower-ttl", Anchor::LowerTtl),
        ("publish", Anchor::Publish),
        ("raise-ttl", Anchor::RaiseTtl),
        ("prescale", Anchor::Prescale),
        ("prescale-end", Anchor::PrescaleEnd),
    ];
}

/// `announcement - 24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub anchor: Anchor,
    /// Added to it; a day has 24 hours.
    pub offset: SignedDuration,
}

impl FromStr for Due {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, sign, distance) = match text.split_once(" - ").map(|halves| (halves, -1)) {
            Some(((name, distance), sign)) => (name, sign, Some(distance)),
            None => match text.split_once(" + ") {
                Some((name, distance)) => (name, 1, Some(distance)),
                None => (text, 1, None),
            },
        };
        let Some((_, anchor)) = Anchor::ALL.into_iter().find(|(known, _)| *known == name.trim()) else {
            let known: Vec<&str> = Anchor::ALL.iter().map(|(known, _)| *known).collect();
            return Err(format!("no moment is called `{}`: {}", name.trim().escape_debug(), known.join(", ")));
        };
        let offset = match distance {
            None => SignedDuration::ZERO,
            Some(distance) => {
                let span: Span = distance.trim().parse().map_err(|error| format!("no duration: {error}"))?;
                let length =
                    span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
                if length.is_negative() {
                    return Err("the sign stands before the duration".to_owned());
                }
                length * sign
            }
        };
        Ok(Self { anchor, offset })
    }
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Anchor::ALL.iter().find(|(_, anchor)| *anchor == self.anchor).map_or("", |(name, _)| name);
        let sign = if self.offset.is_negative() { '-' } else { '+' };
        match self.offset.is_zero() {
            true => f.write_str(name),
            false => write!(f, "{name} {sign} {:#}", self.offset.abs()),
        }
    }
}

impl Due {
    /// `None`: the blueprint does not know the moment.
    pub fn at(&self, moments: &Moments) -> Option<Timestamp> {
        let anchor = match self.anchor {
            Anchor::Announcement => Some(moments.announcement),
            Anchor::Vote => moments.vote,
            Anchor::FreezeStart => moments.freeze.map(|(from, _)| from),
            Anchor::FreezeEnd => moments.freeze.map(|(_, until)| until),
            Anchor::LowerTtl => Some(moments.lower_ttl),
            Anchor::Publish => Some(moments.publish),
            Anchor::RaiseTtl => Some(moments.raise_ttl),
            Anchor::Prescale => moments.prescale.map(|(from, _)| from),
            Anchor::PrescaleEnd => moments.prescale.map(|(_, until)| until),
        };
        anchor?.checked_add(self.offset).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_and_written() {
        for text in ["announcement - 24h", "vote", "raise-ttl + 1h 30m"] {
            assert_eq!(text.parse::<Due>().expect(text).to_string(), text);
        }
        assert_eq!("announcement - 4d".parse::<Due>().expect("days").offset, SignedDuration::from_hours(-96));
        for (text, why) in [
            ("anouncement", "no moment is called"),
            ("announcement - soon", "no duration"),
            ("announcement - -2h", "sign"),
            ("announcement-24h", "no moment"),
            ("", "no moment"),
            ("announcement - 99999999999999d", "no duration"),
        ] {
            let error = text.parse::<Due>().expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
