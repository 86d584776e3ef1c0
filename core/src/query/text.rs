//! Strings of conditions, as parts of the text that they were written in.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A string that shares its memory with the text that it is a part of.
///
/// A list may hold a million strings, so that one piece of memory for each would cost more than all
/// else that is done with them.
#[derive(Clone)]
pub struct Text {
    whole: Arc<str>,
    start: u32,
    end: u32,
}

impl Text {
    /// The part of `whole` at `place`, which begins and ends between two characters of it.
    ///
    /// # Panics
    ///
    /// If it does not, or `whole` has 4 GiB or more.
    pub(super) fn part(whole: &Arc<str>, place: Range<usize>) -> Self {
        assert!(whole.is_char_boundary(place.start) && whole.is_char_boundary(place.end));
        let number = |at| u32::try_from(at).expect("texts of queries are limited");
        let (start, end) = (number(place.start), number(place.end));
        Self { whole: Arc::clone(whole), start, end }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.whole[self.start as usize..self.end as usize]
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let whole: Arc<str> = text.into();
        let place = 0..whole.len();
        Self::part(&whole, place)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// It is found in sets as the string that it is.
impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

/// Not the whole text.
impl fmt::Debug for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(out)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_part_is_the_string_that_it_is() {
        let whole: Arc<str> = "añb".into();
        let part = Text::part(&whole, 1..3);
        assert_eq!(&*part, "ñ");
        assert_eq!(part, Text::from("ñ"));
        assert_eq!((format!("{part}"), format!("{part:?}")), ("ñ".to_owned(), "\"ñ\"".to_owned()));
        assert!(HashSet::from([part]).contains("ñ"));
        assert_eq!(&*Text::part(&whole, 4..4), "");
    }
}
