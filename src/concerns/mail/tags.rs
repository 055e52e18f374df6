//! Tag lists, `name=value; name=value`: the form of DKIM keys and DMARC records (RFC 6376, section 3.2). Pure.
//!
//! Must not know what a tag means.

/// A list as it was read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tags<'a> {
    /// Names in lower case, values without the white space around them, in order.
    pub tags: Vec<(String, &'a str)>,
    /// What is against the form. A receiver of DKIM then refuses the whole list, one of DMARC the broken part.
    pub faults: Vec<String>,
}

impl<'a> Tags<'a> {
    pub fn read(text: &'a str) -> Self {
        let mut list = Self::default();
        let mut parts: Vec<&str> = text.split(';').map(str::trim).collect();
        // One semicolon may end the list.
        if parts.last().is_some_and(|last| last.is_empty()) {
            parts.pop();
        }
        for part in parts {
            let Some((name, value)) = part.split_once('=') else {
                list.faults.push(format!("`{}` is no tag", part.escape_debug()));
                continue;
            };
            let (name, value) = (name.trim_end().to_ascii_lowercase(), value.trim_start());
            if !name.starts_with(|c: char| c.is_ascii_alphabetic())
                || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            {
                list.faults.push(format!("`{}` is no name of a tag", name.escape_debug()));
            } else if list.get(&name).is_some() {
                list.faults.push(format!("`{name}` is there twice"));
            } else {
                list.tags.push((name, value));
            }
        }
        list
    }

    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.tags.iter().find_map(|(found, value)| (found == name).then_some(*value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_their_faults_named() {
        let list = Tags::read("v = DMARC1 ;P= none; rua=mailto:a@b.example?x=1;");
        let (v, rua) = (("v".to_owned(), "DMARC1"), ("rua".to_owned(), "mailto:a@b.example?x=1"));
        assert_eq!(list, Tags { tags: vec![v, ("p".to_owned(), "none"), rua], faults: vec![] });
        for (text, fault) in [
            ("v=DKIM1; p", "`p` is no tag"),
            ("v=DKIM1;; p=", "`` is no tag"),
            ("v=DKIM1; p=a; P=b", "`p` is there twice"),
            ("v=DKIM1; p p=a", "`p p` is no name of a tag"),
            ("v=DKIM1; é=a", "`é` is no name of a tag"),
            ("=a", "`` is no name of a tag"),
        ] {
            assert_eq!(Tags::read(text).faults, [fault], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "[a-z=;é \t]{0,40}") {
            let list = Tags::read(&text);
            assert!(list.tags.len() + list.faults.len() <= text.split(';').count());
        }
    }
}
