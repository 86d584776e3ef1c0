//! Text to checked conditions and queries.
//!
//! [`parse_condition`] reads what may stand after WHERE, [`parse_query`] a whole SELECT. Both give
//! a checked tree ([`ast`]): names are known and in their canonical letter case, calls have the
//! right number of arguments, and depth and length are within [`limits`](crate::limits), so that
//! whoever walks the tree may recurse. Printing a tree gives canonical text that parses to the
//! same tree. `docs/query-language.md` says what the language means.
//!
//! The way of a text: `token` cuts it, `cursor` goes through the tokens, `operand`, `parse` and
//! `statement` build paths, expressions and queries, `check` knows the names of fields and what
//! GROUP BY allows, `hint` and `name` what a slip was probably meant to be.

pub mod ast;
mod check;
mod cursor;
mod error;
mod function;
mod hint;
mod name;
mod operand;
mod parse;
mod print;
mod statement;
#[cfg(test)]
mod tests;
mod text;
mod token;

pub use error::QueryError;
pub use parse::parse_condition;
pub use statement::parse_query;
pub use text::Text;

pub(crate) use name::similar;
