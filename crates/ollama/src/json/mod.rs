//! JSON text read where it lies, and as Go's `encoding/json` reads it.
//!
//! # Why
//! Eight mebibytes of small arrays are hundreds as a tree of values, and an instance serves 128 requests from one memory. So
//! nothing is built: [`check`] reads a text once from end to end, and [`Raw`] finds members and items in what was checked.
//!
//! # Limits
//! [`MAX_DEPTH`], by a stack of one bit for each level: no text is deep enough for a trap.
//!
//! # What it does not do
//! It keeps no numbers, merges no members and mends nothing: what is passed on is passed on byte for byte.

mod check;
mod raw;
mod text;
mod write;

pub use check::{Check, Fault, MAX_DEPTH, check};
pub use raw::{Kind, Member, Members, Raw, begin_of};
pub use text::{folded_among, named_among, unescape_into, unquote};
pub use write::{plain, quote, readable};

#[cfg(test)]
mod tests;
