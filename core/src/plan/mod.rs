//! A checked condition becomes a predicate over columns.
//!
//! Paths are resolved to columns, parts without a path are computed, device ids become look-ups,
//! and what remains is a tree of AND, OR and NOT over [`Test`]s of one or several columns. How a
//! test runs over the rows of a segment is the business of the next room.

mod bind;
mod columns;
mod function;
mod nearest;
mod outline;
mod predicate;
mod simplify;
mod term;
mod truth;

pub use bind::{Place, Plan, Within, bind, resolve};
pub use nearest::nearest;
pub use outline::{Leaf, Outline, Part, Read, outline};
pub use predicate::{LiteralSet, Node, Predicate, Slot, Test};
pub use term::{Term, bind_documents, element_at, evaluate};
pub use truth::Truth;

pub(crate) use columns::Columns;
pub(crate) use term::scalar_from;
