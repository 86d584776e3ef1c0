//! The inner loops at each level of the processor, side by side: what vector instructions are worth.

use std::hint::black_box;

use arrow_array::StringArray;
use criterion::{BenchmarkId, Criterion, Throughput};
use twincast::kernel::{
    Level, Number, Strings, compare_codes_at, count_at, fill_at, in_ranges_at, in_table_at,
};

/// One segment: small enough to stay in the caches, so that the loops are measured and not memory.
const ROWS: u32 = 1 << 16;

/// One loop after the other, each at all levels.
pub(crate) fn loops(criterion: &mut Criterion) {
    ranges::<u8>(criterion, "u8");
    ranges::<u16>(criterion, "u16");
    ranges::<u32>(criterion, "u32");
    let codes: Vec<u8> = numbers();
    let mut words = vec![0; codes.len() / 64];
    each_level(criterion, "kernel/in_table/u8", codes.len(), |level| {
        in_table_at(level, black_box(&codes), &[0x5555_1234_9876_F0F0; 4], &mut words);
    });
    let (others, table) = (codes.iter().rev().copied().collect::<Vec<u8>>(), [7; 256]);
    let mut unequal = words.clone();
    each_level(criterion, "kernel/compare_codes/u8", codes.len() * 2, |level| {
        compare_codes_at(level, black_box(&codes), &others, &table, &mut words, &mut unequal);
    });
    each_level(criterion, "kernel/count", words.len() * 8, |level| {
        black_box(count_at(level, black_box(&words)));
    });
    let mask = vec![0x5555_5555_5555_5555; words.len()];
    let ids: StringArray = (0..ROWS).map(|row| Some(format!("dev-{row:08}"))).collect();
    for (what, bits) in [("half", 0x5555_5555_5555_5555), ("few", 1 << 40)] {
        let words = vec![bits; ROWS as usize / 64];
        let name = format!("kernel/strings/{what}");
        each_level(criterion, &name, count_at(Level::best(), &words) * 12, |level| {
            let mut strings = Strings::with_capacity(ROWS as usize);
            strings.add_at(level, black_box(&ids), &words);
            black_box(strings.finish());
        });
    }
    let mut changed = codes;
    each_level(criterion, "kernel/fill/u8", changed.len(), |level| {
        fill_at(level, black_box(&mut changed), &mask, 3);
    });
}

fn ranges<T: Number>(criterion: &mut Criterion, width: &str) {
    let numbers: Vec<T> = numbers();
    let mut words = vec![0; numbers.len() / 64];
    let number = |number| T::narrowed(number).expect("it is below 256");
    for (what, ranges) in [
        ("one", vec![(number(20), number(70))]),
        ("four", (0..4).map(|at| (number(at * 60), number(at * 60 + 9))).collect()),
    ] {
        let name = format!("kernel/in_ranges/{width}/{what}");
        each_level(criterion, &name, size_of_val(&*numbers), |level| {
            in_ranges_at(level, black_box(&numbers), &ranges, &mut words);
        });
    }
}

fn each_level(criterion: &mut Criterion, name: &str, bytes: usize, mut work: impl FnMut(Level)) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes as u64));
    for level in Level::all() {
        group.bench_function(BenchmarkId::from_parameter(format!("{level:?}")), |bencher| {
            bencher.iter(|| work(level));
        });
    }
    group.finish();
}

fn numbers<T: Number>() -> Vec<T> {
    let scattered = (0..ROWS).map(|row| u64::from(row.wrapping_mul(2_654_435_761) >> 24));
    scattered.map(|number| T::narrowed(number).expect("it is below 256")).collect()
}
