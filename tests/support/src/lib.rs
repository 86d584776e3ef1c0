//! What the tests and the fuzz targets share, and the README's Rust examples as doc tests.

pub mod fuzz;
pub mod mutate;
pub mod oracle;

/// The README: its Rust examples run with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
