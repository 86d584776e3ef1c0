//! The rules of the house, checked: which room may look into which, how long a file may be, what
//! a dependency may cost. A rule that a person has to remember is a rule that will be broken.

mod files;
mod links;
mod packages;
mod paths;
mod rooms;
pub(crate) mod source;
