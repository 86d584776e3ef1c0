//! A moment in UTC with the resolution of the wire: 100 nanoseconds, seven fraction digits.

use std::fmt;
use std::time::Duration;

use super::{TimeResult, out_of_range};
use crate::error::Error;

const TICKS_PER_SECOND: i64 = 10_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// Days from 0001-01-01 to 1970-01-01.
const DAYS_TO_UNIX: i64 = 719_162;
/// One past the last tick of the year 9999.
const END: i64 = 3_652_059 * SECONDS_PER_DAY * TICKS_PER_SECOND;

/// A moment in UTC, counted in ticks of 100 ns since 0001-01-01T00:00:00.
///
/// That is the resolution and the range of the times that IoT Hub writes. The default is the
/// first moment, which stands for "never".
///
/// # Examples
///
/// ```
/// use twincast::Timestamp;
///
/// let time = Timestamp::parse("2026-01-02T03:04:05.7+01:00")?;
/// assert_eq!(time.to_string(), "2026-01-02T02:04:05.7000000Z");
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last representable moment, the end of the year 9999.
    pub const MAX: Self = Self(END - 1);

    /// The moment `ticks` of 100 ns after 0001-01-01T00:00:00, kept within the range.
    #[must_use]
    pub fn from_ticks(ticks: i64) -> Self {
        Self(ticks.clamp(0, END - 1))
    }

    /// The ticks of 100 ns since 0001-01-01T00:00:00.
    #[must_use]
    pub fn ticks(self) -> i64 {
        self.0
    }

    /// The moment `since_epoch` after 1970-01-01T00:00:00Z, cut to whole ticks.
    #[must_use]
    pub fn from_unix(since_epoch: Duration) -> Self {
        let ticks = since_epoch.as_nanos() / 100;
        let start = i128::from(DAYS_TO_UNIX * SECONDS_PER_DAY * TICKS_PER_SECOND);
        let total = start.saturating_add(i128::try_from(ticks).unwrap_or(i128::MAX));
        Self::from_ticks(i64::try_from(total).unwrap_or(i64::MAX))
    }

    /// Microseconds since 1970-01-01T00:00:00Z, as Arrow and Python count them.
    #[must_use]
    pub fn unix_micros(self) -> i64 {
        (self.0 - DAYS_TO_UNIX * SECONDS_PER_DAY * TICKS_PER_SECOND).div_euclid(10)
    }

    /// This moment cut to whole milliseconds.
    #[must_use]
    pub fn whole_millis(self) -> Self {
        Self(self.0 - self.0 % 10_000)
    }

    /// The moment `duration` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let ticks = i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX);
        Self::from_ticks(self.0.saturating_add(ticks))
    }

    /// The time from `earlier` to this moment, zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let ticks = u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0);
        Duration::new(ticks / 10_000_000, u32::try_from(ticks % 10_000_000 * 100).unwrap_or(0))
    }

    /// Reads `YYYY-MM-DDTHH:MM:SS`, then 0 to 9 fraction digits, then `Z`, an offset `+hh:mm` or
    /// nothing, which means UTC. Digits beyond the seventh are dropped.
    ///
    /// # Errors
    ///
    /// The text is none of these, or names a day or time that does not exist.
    pub fn parse(text: &str) -> TimeResult {
        let (ticks, rest) = Self::parse_prefix(text.as_bytes()).ok_or_else(|| unreadable(text))?;
        let offset_minutes = match rest {
            b"" | b"Z" | b"z" => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let hours = two_digits(*h1, *h2).filter(|hours| *hours <= 23);
                let minutes = two_digits(*m1, *m2).filter(|minutes| *minutes <= 59);
                let total = hours.zip(minutes).ok_or_else(|| unreadable(text))?;
                let total = total.0 * 60 + total.1;
                if *sign == b'-' { -total } else { total }
            }
            _ => return Err(unreadable(text)),
        };
        let ticks = ticks - offset_minutes * 60 * TICKS_PER_SECOND;
        if (0..END).contains(&ticks) { Ok(Self(ticks)) } else { Err(out_of_range(text)) }
    }

    /// Reads the date, the time and the fraction; gives the ticks and what follows them.
    fn parse_prefix(text: &[u8]) -> Option<(i64, &[u8])> {
        let (head, mut rest) = text.split_at_checked(19)?;
        let [
            y1,
            y2,
            y3,
            y4,
            b'-',
            mo1,
            mo2,
            b'-',
            d1,
            d2,
            b'T' | b't',
            h1,
            h2,
            b':',
            mi1,
            mi2,
            b':',
            s1,
            s2,
        ] = *head
        else {
            return None;
        };
        let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
        let month = two_digits(mo1, mo2)?;
        let day = two_digits(d1, d2)?;
        let (hour, minute, second) =
            (two_digits(h1, h2)?, two_digits(mi1, mi2)?, two_digits(s1, s2)?);
        let exists = year >= 1
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour <= 23
            && minute <= 59
            && second <= 59;
        if !exists {
            return None;
        }
        let mut fraction = 0;
        if let [b'.', digits @ ..] = rest {
            let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&count) {
                return None;
            }
            for place in 0..7 {
                let digit = digits[..count].get(place).map_or(0, |byte| i64::from(byte - b'0'));
                fraction = fraction * 10 + digit;
            }
            rest = &digits[count..];
        }
        let seconds = days_from_year_one(year, month, day) * SECONDS_PER_DAY
            + hour * 3600
            + minute * 60
            + second;
        Some((seconds * TICKS_PER_SECOND + fraction, rest))
    }

    /// Reads a time that [`Timestamp::format`] would write again byte for byte, and says with how
    /// many fraction digits; anything else is `None`.
    ///
    /// Columns use it to keep such texts as numbers.
    #[must_use]
    pub fn parse_canonical(text: &str) -> Option<(Self, u8)> {
        let bytes = text.as_bytes();
        if !(20..=28).contains(&bytes.len()) || bytes[10] != b'T' {
            return None;
        }
        let (ticks, rest) = Self::parse_prefix(bytes)?;
        let digits = match bytes.len() {
            20 => 0,
            length => u8::try_from(length - 21).ok().filter(|digits| *digits >= 1)?,
        };
        (rest == b"Z").then_some((Self(ticks), digits))
    }

    /// Writes `YYYY-MM-DDTHH:MM:SS`, a dot and `fraction_digits` (0 to 7) if any, and `Z`.
    #[must_use]
    pub fn format(self, fraction_digits: u8) -> String {
        let seconds = self.0 / TICKS_PER_SECOND;
        let (year, month, day) = date_from_days(seconds / SECONDS_PER_DAY);
        let of_day = seconds % SECONDS_PER_DAY;
        let mut text = Vec::with_capacity(28);
        push_digits(&mut text, year, 4);
        text.push(b'-');
        push_digits(&mut text, month, 2);
        text.push(b'-');
        push_digits(&mut text, day, 2);
        text.push(b'T');
        push_digits(&mut text, of_day / 3600, 2);
        text.push(b':');
        push_digits(&mut text, of_day / 60 % 60, 2);
        text.push(b':');
        push_digits(&mut text, of_day % 60, 2);
        let fraction_digits = fraction_digits.min(7);
        if fraction_digits > 0 {
            text.push(b'.');
            let dropped = 10_i64.pow(u32::from(7 - fraction_digits));
            push_digits(&mut text, self.0 % TICKS_PER_SECOND / dropped, fraction_digits);
        }
        text.push(b'Z');
        String::from_utf8(text).expect("only ASCII digits and marks were pushed")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format(7))
    }
}

fn unreadable(text: &str) -> Error {
    let shown: String = text.chars().take(64).collect();
    Error::invalid(format!("`{shown}` is not an ISO 8601 time"))
        .with_hint("write it like 2026-01-02T03:04:05Z, with a fraction or an offset if needed")
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

fn push_digits(text: &mut Vec<u8>, number: i64, places: u8) {
    for place in (0..places).rev() {
        let digit = number / 10_i64.pow(u32::from(place)) % 10;
        text.push(b'0' + u8::try_from(digit).expect("a remainder of ten is one digit"));
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Both conversions follow Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2021):
// years start in March, so that the leap day is the last of its year.

fn days_from_year_one(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 306
}

fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 306;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_client_are_read() {
        for (text, written) in [
            ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.6780000Z"),
            ("2026-01-02T03:04:05.7Z", "2026-01-02T03:04:05.7000000Z"),
            ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.1234567Z"),
            ("2026-01-02T03:04:05", "2026-01-02T03:04:05.0000000Z"),
            ("2024-02-29T23:59:59-05:30", "2024-03-01T05:29:59.0000000Z"),
            ("0001-01-01T00:00:00", "0001-01-01T00:00:00.0000000Z"),
            ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for text in [
            "",
            "now",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00+25:00",
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "2026-01-01T00:00:00Zx",
            "é026-01-01T00:00:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_day_is_itself_again() {
        for day in 0..3_652_059 {
            let (year, month, of_month) = date_from_days(day);
            assert_eq!(days_from_year_one(year, month, of_month), day);
        }
    }

    #[test]
    fn unix_time_starts_in_1970() {
        let start = Timestamp::from_unix(Duration::ZERO);
        assert_eq!(start.format(0), "1970-01-01T00:00:00Z");
        assert_eq!(start.unix_micros(), 0);
    }

    #[test]
    fn canonical_texts_are_written_again_byte_for_byte() {
        for text in
            ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.1234567Z"]
        {
            let (time, digits) = Timestamp::parse_canonical(text).unwrap();
            assert_eq!(time.format(digits), text);
        }
        for text in ["2026-01-01T00:00:00", "2026-01-01t00:00:00Z", "2026-01-01T00:00:00.12345678Z"]
        {
            assert!(Timestamp::parse_canonical(text).is_none(), "{text}");
        }
    }
}
