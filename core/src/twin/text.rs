//! Comparing short texts: keys, and values with those before them.

/// Whether both are the same.
///
/// The comparison of slices is a call of the C library, which takes longer than comparing a few
/// bytes; an import compares a hundred short texts for each twin.
#[inline]
pub(super) fn is_same_text(left: &str, right: &str) -> bool {
    is_same(left.as_bytes(), right.as_bytes())
}

/// Whether `text` starts with `start`.
#[inline]
pub(super) fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|head| is_same(head, start))
}

/// The first and the last bytes of both, which overlap in the middle, as two numbers.
#[inline]
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    macro_rules! ends_are_same {
        ($bytes:literal) => {
            left.first_chunk::<$bytes>() == right.first_chunk()
                && left.last_chunk::<$bytes>() == right.last_chunk()
        };
    }
    left.len() == right.len()
        && match left.len() {
            0 => true,
            1 => left[0] == right[0],
            2..=3 => ends_are_same!(2),
            4..=7 => ends_are_same!(4),
            8..=16 => ends_are_same!(8),
            17..=32 => ends_are_same!(16),
            _ => left == right,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_short_length_are_told_apart_at_every_byte() {
        for length in 0..70 {
            let text = "x".repeat(length);
            assert!(is_same_text(&text, &text.clone()));
            assert!(!is_same_text(&text, &format!("{text}x")));
            assert!(starts_with(format!("{text}y").as_bytes(), text.as_bytes()));
            assert!(!starts_with(text.as_bytes(), format!("{text}y").as_bytes()));
            for at in 0..length {
                let mut other = text.clone().into_bytes();
                other[at] = b'y';
                assert!(!is_same(text.as_bytes(), &other), "{length} bytes, byte {at}");
            }
        }
    }
}
