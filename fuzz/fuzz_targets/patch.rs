//! Patches: any JSON parses or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twincast_tests_support::fuzz;

fuzz_target!(|bytes: &[u8]| fuzz::patch(bytes));
