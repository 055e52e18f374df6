//! What golive takes from others and could not read at its source.
//!
//! A check whose verdict leans on such a thing says so in its `because`, and by [`Unverified::note`] alone: one search
//! finds them all, and whoever reads the source strikes one line here. Must not change a verdict.

use super::Judgement;

/// A statement at second hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// Google's page (support.google.com/a/answer/81126 and 14229414) and Microsoft's announcement of 2 April 2025, in
    /// copies; of Yahoo's page what others tell. Google and Yahoo name the limit for complaints, Microsoft names none.
    BulkRules,
    /// Amazon SES Developer Guide, "Warming up dedicated IP addresses": at least 14 days with some receivers, up to 6 weeks
    /// with many. No receiver publishes a figure.
    WarmUp,
    /// Of Brevo, CaptainDNS (16 January 2026): 1,024 bits in a TXT record unless support is asked, 2,048 behind a CNAME.
    /// Brevo's own pages name no size.
    KeySize,
}

impl Unverified {
    /// What is not verified, as the end of a sentence.
    pub fn said(self) -> &'static str {
        match self {
            Unverified::BulkRules => {
                "not verified at the source: the receivers' rules, read in copies of Google's and Microsoft's pages, of \
                 Yahoo's at second hand"
            }
            Unverified::WarmUp => {
                "not verified at the source: how long receivers take to know an address; Amazon SES says 14 days to 6 weeks"
            }
            Unverified::KeySize => {
                "not verified at the source: what size a provider makes unless asked; of Brevo a third party says 1,024 \
                 bits in a TXT record and 2,048 behind a CNAME"
            }
        }
    }

    /// The same judgement, with what it leans on.
    pub fn note(self, judgement: Judgement) -> Judgement {
        match judgement {
            Judgement::Say(verdict, because) => Judgement::Say(verdict, format!("{because} ({})", self.said())),
            asks => asks,
        }
    }
}
