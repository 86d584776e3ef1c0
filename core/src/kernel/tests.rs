//! Every level gives the answers of a loop that asks one row after the other.

use proptest::prelude::*;

use super::*;

/// Rows that end within a block, at its end, and in the first one.
fn rows<T: std::fmt::Debug>(number: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    proptest::collection::vec(number, 0..400)
}

fn bit(words: &[u64], row: usize) -> bool {
    words[row / 64] >> (row % 64) & 1 == 1
}

fn check_ranges<T: Number + std::fmt::Debug>(numbers: &[T], ranges: &[(T, T)]) {
    let expected = |number: T| ranges.iter().any(|(from, to)| *from <= number && number <= *to);
    for level in Level::all() {
        // Bits that stood there before must go.
        let mut words = [u64::MAX; 8];
        in_ranges_at(level, numbers, ranges, &mut words);
        for row in 0..words.len() * 64 {
            let wanted = numbers.get(row).is_some_and(|number| expected(*number));
            assert_eq!(bit(&words, row), wanted, "{level:?}, row {row}: {:?}", numbers.get(row));
        }
    }
}

fn check_changes<T: Number + std::fmt::Debug>(
    numbers: &[T],
    others: &[T],
    mask: [u64; 8],
    value: T,
) {
    let expected = |change: &dyn Fn(usize, T) -> T| -> Vec<T> {
        let rows = numbers.iter().enumerate();
        rows.map(|(row, old)| if bit(&mask, row) { change(row, *old) } else { *old }).collect()
    };
    for level in Level::all() {
        let mut changed = numbers.to_vec();
        fill_at(level, &mut changed, &mask, value);
        assert_eq!(changed, expected(&|_, _| value), "fill, {level:?}");

        let mut changed = numbers.to_vec();
        increment_at(level, &mut changed, &mask);
        assert_eq!(changed, expected(&|_, old| old.next()), "increment, {level:?}");

        let mut changed = numbers.to_vec();
        blend_at(level, &mut changed, &mask, others);
        assert_eq!(changed, expected(&|row, _| others[row]), "blend, {level:?}");
    }
}

macro_rules! for_each_width {
    ($($ranges:ident, $changes:ident, $type:ty;)*) => {
        proptest! {
            $(
                #[test]
                fn $ranges(
                    numbers in rows(any::<$type>()),
                    ranges in proptest::collection::vec(any::<($type, $type)>(), 0..=RANGES_MAX),
                ) {
                    // Ranges that end at a number of the column are where mistakes would be.
                    let near = numbers.first().copied().unwrap_or(7);
                    let sorted = |(a, b): ($type, $type)| (a.min(b), a.max(b));
                    let mut ranges: Vec<_> = ranges.into_iter().map(sorted).collect();
                    check_ranges(&numbers, &ranges);
                    ranges.truncate(RANGES_MAX - 1);
                    ranges.push((near, near));
                    check_ranges(&numbers, &ranges);
                    check_ranges(&numbers, &[(near, <$type>::MAX)]);
                    check_ranges(&numbers, &[(0, near)]);
                }

                #[test]
                fn $changes(
                    pairs in rows(any::<($type, $type)>()),
                    mask in any::<[u64; 8]>(),
                    value in any::<$type>(),
                ) {
                    let (numbers, others): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
                    check_changes(&numbers, &others, mask, value);
                    check_changes(&numbers, &others, [0; 8], value);
                    check_changes(&numbers, &others, [u64::MAX; 8], value);
                }
            )*
        }
    };
}
for_each_width! {
    ranges_of_one_byte, changes_of_one_byte, u8;
    ranges_of_two_bytes, changes_of_two_bytes, u16;
    ranges_of_four_bytes, changes_of_four_bytes, u32;
    ranges_of_eight_bytes, changes_of_eight_bytes, u64;
}

proptest! {
    #[test]
    fn tables_of_one_byte(numbers in rows(any::<u8>()), table in any::<[u64; 4]>()) {
        for level in Level::all() {
            let mut words = [u64::MAX; 8];
            in_table_at(level, &numbers, &table, &mut words);
            for row in 0..512 {
                let wanted = numbers.get(row).is_some_and(|number| bit(&table, usize::from(*number)));
                prop_assert_eq!(bit(&words, row), wanted, "{:?}, row {}", level, row);
            }
        }
    }

    #[test]
    fn tables_of_two_bytes(
        numbers in rows(0_u16..700),
        table in proptest::collection::vec(any::<u64>(), 0..10),
    ) {
        let mut words = [u64::MAX; 8];
        in_table(&numbers, &table, &mut words);
        for row in 0..512 {
            let wanted = numbers.get(row).is_some_and(|number| {
                let number = usize::from(*number);
                number / 64 < table.len() && bit(&table, number)
            });
            prop_assert_eq!(bit(&words, row), wanted, "row {}", row);
        }
    }

    #[test]
    fn codes_of_two_dictionaries(
        // Few codes, so that many rows are equal; and codes on both sides of 64, 128 and 192.
        pairs in rows((prop_oneof![0_u8..4, any::<u8>()], prop_oneof![0_u8..4, any::<u8>()])),
        table in proptest::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 256),
    ) {
        let (left, right): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
        let table: [u8; 256] = table.try_into().expect("256 were asked for");
        for level in Level::all() {
            let (mut equal, mut different) = ([u64::MAX; 8], [u64::MAX; 8]);
            compare_codes_at(level, &left, &right, &table, &mut equal, &mut different);
            for row in 0..512 {
                let pair = left.get(row).zip(right.get(row)).filter(|(l, r)| **l != 0 && **r != 0);
                let same = pair.map(|(l, r)| table[usize::from(*l)] == *r);
                prop_assert_eq!(bit(&equal, row), same == Some(true), "{:?}, row {}", level, row);
                prop_assert_eq!(bit(&different, row), same == Some(false), "{:?}, row {}", level, row);
            }
        }
    }

    #[test]
    fn counts(words in proptest::collection::vec(any::<u64>(), 0..40)) {
        let wanted = (0..words.len() * 64).filter(|row| bit(&words, *row)).count();
        for level in Level::all() {
            prop_assert_eq!(count_at(level, &words), wanted, "{:?}", level);
        }
    }

    #[test]
    fn histograms(numbers in rows(0_u8..9), mask in any::<[u64; 8]>(), all in any::<bool>()) {
        let mask = if all { [u64::MAX; 8] } else { mask };
        let counts = histogram_u8(&numbers, &mask);
        let wide: Vec<u16> = numbers.iter().map(|number| u16::from(*number) * 300).collect();
        let wide = histogram_u16(&wide, &mask);
        for (number, count) in (0..=255_u8).zip(counts) {
            let rows = numbers.iter().enumerate();
            let wanted = rows.filter(|(row, found)| **found == number && bit(&mask, *row)).count();
            prop_assert_eq!(count, wanted, "{}", number);
            let found = wide.get(usize::from(number) * 300).copied().unwrap_or(0);
            prop_assert_eq!(found, wanted, "{}", number);
        }
    }
}
