//! Tests of the room as a whole: data run through one function each.

mod errors;
mod limits;
mod round_trip;
mod valid;
