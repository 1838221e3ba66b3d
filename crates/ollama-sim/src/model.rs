//! Models: what there is, what each can do, and how names are understood.

mod catalog;
mod name;

pub(crate) use catalog::Shelf;
pub use catalog::{Capability, Model, Template};
pub(crate) use name::{BadName, Name, Place};
