//! Tests of the room as a whole: data run through one function each.

mod valid;
