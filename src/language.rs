//! The languages of documents: a text that exists in each of them, and how each writes lists, numbers and dates.
//!
//! Must not hold what a document says: that stands where its subject does. Checks, findings, reports and the comments
//! inside configuration files are English, whatever language the documents have.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language that documents are written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    En,
    Fr,
}

/// A text in both languages: the constructor takes both, so that half a translation does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    en: String,
    fr: String,
}

impl Said {
    pub fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self { en: en.into(), fr: fr.into() }
    }

    /// The blueprint's own words, in whichever language its author wrote them.
    pub fn as_written(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { en: text.clone(), fr: text }
    }

    pub fn told_in(&self, language: Language) -> &str {
        language.of(&self.en, &self.fr)
    }

    /// This, then the other.
    #[must_use]
    pub fn then(&self, other: &Said) -> Self {
        Self { en: format!("{}; {}", self.en, other.en), fr: format!("{} ; {}", self.fr, other.fr) }
    }
}

impl Language {
    /// The one of two that is in this language.
    pub fn of<T>(self, en: T, fr: T) -> T {
        match self {
            Language::En => en,
            Language::Fr => fr,
        }
    }

    /// How file names say it, as ISO 639-1 does.
    pub fn code(self) -> &'static str {
        self.of("en", "fr")
    }

    /// As HTTP and HTML name a language with its region (BCP 47).
    pub fn tag(self) -> &'static str {
        self.of("en-US", "fr-FR")
    }

    /// `a, b and c`.
    pub fn list<T: AsRef<str>>(self, items: &[T]) -> String {
        match items {
            [] => self.of("nothing", "rien").to_owned(),
            [one] => one.as_ref().to_owned(),
            [start @ .., last] => {
                let start: Vec<&str> = start.iter().map(AsRef::as_ref).collect();
                format!("{} {} {}", start.join(", "), self.of("and", "et"), last.as_ref())
            }
        }
    }

    /// `1,080,000` or `1 080 000`.
    pub fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut out = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                out.push(self.of(',', ' '));
            }
            out.push(digit);
        }
        out
    }

    /// `2020-03-22` or `22 mars 2020`.
    pub fn day(self, day: Date) -> String {
        match self {
            Language::En => day.to_string(),
            Language::Fr => french_day(day),
        }
    }

    /// `Sunday 22 March 2020, 20:30 (UTC+01:00)` or `dimanche 22 mars 2020, 20 h 30 (UTC+01:00)`.
    // jiff writes English names only.
    pub fn moment(self, instant: Timestamp, timezone: &TimeZone) -> String {
        let local = instant.to_zoned(timezone.clone());
        match self {
            Language::En => local.strftime("%A %-d %B %Y, %H:%M (UTC%:z)").to_string(),
            Language::Fr => format!(
                "{} {}, {}",
                french_weekday(local.weekday()),
                french_day(local.date()),
                local.strftime("%-H h %M (UTC%:z)")
            ),
        }
    }
}

fn french_day(day: Date) -> String {
    // The first is the only day that French counts in order.
    let number = if day.day() == 1 { "1er".to_owned() } else { day.day().to_string() };
    format!("{number} {} {}", french_month(day.month()), day.year())
}

fn french_weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "lundi",
        Weekday::Tuesday => "mardi",
        Weekday::Wednesday => "mercredi",
        Weekday::Thursday => "jeudi",
        Weekday::Friday => "vendredi",
        Weekday::Saturday => "samedi",
        Weekday::Sunday => "dimanche",
    }
}

fn french_month(month: i8) -> &'static str {
    match month {
        1 => "janvier",
        2 => "février",
        3 => "mars",
        4 => "avril",
        5 => "mai",
        6 => "juin",
        7 => "juillet",
        8 => "août",
        9 => "septembre",
        10 => "octobre",
        11 => "novembre",
        _ => "décembre",
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    #[test]
    fn each_language_writes_its_own_way() {
        let paris = TimeZone::fixed(Offset::constant(1));
        let announced: Timestamp = "2020-03-22T19:05:00Z".parse().expect("an instant");
        assert_eq!(Language::En.moment(announced, &paris), "Sunday 22 March 2020, 20:05 (UTC+01:00)");
        assert_eq!(Language::Fr.moment(announced, &paris), "dimanche 22 mars 2020, 20 h 05 (UTC+01:00)");
        let first: Timestamp = "2021-07-31T23:30:00Z".parse().expect("an instant");
        assert_eq!(Language::Fr.moment(first, &paris), "dimanche 1er août 2021, 0 h 30 (UTC+01:00)");
        assert_eq!(Language::En.list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(Language::Fr.list(&["a", "b", "c"]), "a, b et c");
        assert_eq!((Language::En.number(1_080_000), Language::Fr.number(999)), ("1,080,000".into(), "999".into()));
        assert_eq!(Language::Fr.number(1_080_000), "1 080 000");
    }

    /// The names against jiff's, by way of their numbers: a table with two lines swapped would read well.
    #[test]
    fn every_day_of_a_week_and_month_of_a_year_has_its_name() {
        let monday = Date::constant(2024, 1, 1);
        let week: Vec<&str> =
            monday.series(jiff::Span::new().days(1)).take(7).map(|day| french_weekday(day.weekday())).collect();
        assert_eq!(week.join(" "), "lundi mardi mercredi jeudi vendredi samedi dimanche");
        let months: Vec<&str> = (1..=12).map(french_month).collect();
        assert_eq!(
            months.join(" "),
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
        );
    }
}
