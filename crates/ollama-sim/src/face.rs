//! The HTTP face: who is let in, which path is what, and what is there beside answers.

mod catalog;
mod operator;
mod origins;
mod routes;

pub(crate) use origins::Origins;
pub(crate) use routes::handle;
