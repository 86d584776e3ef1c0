//! Text to checked conditions and queries.
pub mod ast;
