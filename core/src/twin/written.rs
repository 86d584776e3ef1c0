//! A key as a document usually writes it, found again by comparing two words of eight bytes.

/// `"key":`, or nothing for a key that a document may write otherwise.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// The first eight bytes, those beyond the end zero, and the bits that count.
    head: u64,
    mask: u64,
    text: Box<[u8]>,
}

impl Written {
    /// How `key` is written. Nothing for a key with characters that are, or may be, escaped.
    pub(super) fn new(key: &str) -> Self {
        let is_escaped = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        if key.bytes().any(is_escaped) {
            return Self::default();
        }
        let text: Box<[u8]> = format!("\"{key}\":").into_bytes().into();
        let (mut head, mut mask) = ([0; 8], [0; 8]);
        for (at, byte) in text.iter().take(8).enumerate() {
            (head[at], mask[at]) = (*byte, 0xFF);
        }
        Self { head: u64::from_ne_bytes(head), mask: u64::from_ne_bytes(mask), text }
    }

    /// The length, if `text` begins with it; near the end of a text it may say no.
    #[inline]
    pub(super) fn begins(&self, text: &[u8]) -> Option<usize> {
        let head = u64::from_ne_bytes(*text.first_chunk()?);
        if (head ^ self.head) & self.mask != 0 {
            return None;
        }
        let length = self.text.len();
        let rest = self.text.get(8..).unwrap_or_default();
        let is_same = match rest.len() {
            0 => length > 0,
            // The last eight bytes overlap with the first ones.
            1..=8 => text.get(length - 8..)?.first_chunk::<8>() == self.text.last_chunk(),
            _ => text[8..].starts_with(rest),
        };
        is_same.then_some(length)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_where_it_stands_and_nowhere_else() {
        for length in 0..40 {
            let key = "k".repeat(length);
            let written = Written::new(&key);
            let text = format!("\"{key}\":12345678");
            assert_eq!(written.begins(text.as_bytes()), Some(length + 3), "{text}");
            for at in 0..length + 3 {
                let mut other = text.clone().into_bytes();
                other[at] = b'x';
                assert_eq!(written.begins(&other), None, "{text}, byte {at}");
                assert_eq!(written.begins(&text.as_bytes()[..at]), None, "{text}, cut at {at}");
            }
        }
    }

    #[test]
    fn a_key_that_may_be_escaped_is_never_found() {
        for key in ["a\"b", "a\\b", "a\nb"] {
            let text = format!("\"{key}\":1234567890");
            assert_eq!(Written::new(key).begins(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Written::default().begins(b"\"\":12345678"), None);
    }
}
