//! Text that comes from elsewhere, made fit for a terminal: no server and no file writes to the reader's screen what
//! it likes. Must not be used for configuration: [`crate::emit`] quotes.

/// Whether a character steers a terminal or reorders a line: control characters (U+009B begins an escape sequence
/// as ESC does), and bidirectional marks (CVE-2021-42574 shows what they hide).
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text in which the characters that steer are written as escapes.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// As [`plain`], line by line: for messages of several lines.
pub fn plain_lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain_lines("a\u{1b}\nb"), "a\\u{1b}\nb");
        assert_eq!(plain("é \u{1b}[2J\r\n\u{9b}x\u{202e}"), "é \\u{1b}[2J\\u{d}\\u{a}\\u{9b}x\\u{202e}");
    }
}
