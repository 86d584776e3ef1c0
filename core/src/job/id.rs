//! The name of a job: 1 to 64 ASCII letters, digits and hyphens.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::limits::JOB_ID_CHARS;

/// The name of a job: 1 to [`JOB_ID_CHARS`] ASCII letters, digits and hyphens, case-sensitive.
///
/// Cloning shares the text. Ids order as their texts do.
///
/// # Examples
///
/// ```
/// use twincast::job::JobId;
///
/// let id = JobId::new("reboot-floor-3")?;
/// assert_eq!(id.as_str(), "reboot-floor-3");
/// assert!(JobId::new("reboot floor 3").is_err());
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Arc<str>);

impl JobId {
    /// Checks `text` and takes it as an id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the text is empty, too long, or holds
    /// another character; the message names that character.
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::invalid("a job id is empty").with_hint(RULE));
        }
        if let Some(odd) = text.chars().find(|odd| !odd.is_ascii_alphanumeric() && *odd != '-') {
            let shown: String = text.chars().take(JOB_ID_CHARS).collect();
            let shown = shown.escape_debug();
            return Err(Error::invalid(format!("job id `{shown}` holds {odd:?}")).with_hint(RULE));
        }
        if text.len() > JOB_ID_CHARS {
            let length = text.len();
            let message = format!("a job id has {length} characters, more than {JOB_ID_CHARS}");
            return Err(Error::invalid(message).with_hint(RULE));
        }
        Ok(Self(text.into()))
    }

    /// An id made of 128 random bits, written as a UUID of version 4.
    ///
    /// # Examples
    ///
    /// ```
    /// use twincast::job::JobId;
    ///
    /// assert_eq!(JobId::generate(0).as_str(), "00000000-0000-4000-8000-000000000000");
    /// ```
    #[must_use]
    pub fn generate(random: u128) -> Self {
        // RFC 9562, section 5.4: four bits say the version, two the variant.
        let bits = random & !(0xF << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
        let hex = format!("{bits:032x}");
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        Self(format!("{a}-{b}-{c}-{d}-{e}").into())
    }

    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const RULE: &str = "use 1 to 64 ASCII letters, digits and hyphens";

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_documented_rule() {
        for good in ["a", "A-1", "-", "0", &"x".repeat(64)] {
            assert_eq!(JobId::new(good).unwrap().as_str(), good);
        }
        for (bad, message) in [
            ("", "a job id is empty"),
            ("a b", "job id `a b` holds ' '"),
            ("a_b", "job id `a_b` holds '_'"),
            ("søk", "job id `søk` holds 'ø'"),
            ("a\n", "job id `a\\n` holds '\\n'"),
            (&"x".repeat(65), "a job id has 65 characters, more than 64"),
        ] {
            let error = JobId::new(bad).unwrap_err();
            assert_eq!(error.message(), message);
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn generated_ids_are_ids() {
        for random in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = JobId::generate(random);
            assert_eq!(JobId::new(id.as_str()).unwrap(), id);
        }
        assert_ne!(JobId::generate(1), JobId::generate(2));
    }
}
