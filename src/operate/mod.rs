//! What is told to those who run it: health, numbers, the line, and what there is.

mod advice;
mod advised;
pub mod health;
pub mod metrics;
mod models;
pub mod openapi;
pub mod operator;
pub mod queue;
pub mod queue_status;
pub mod warm;

pub use health::advise;
