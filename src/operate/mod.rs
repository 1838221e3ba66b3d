//! What is told to those who run it: health, numbers, the line, and what there is.

pub mod health;
pub mod metrics;
mod offload;
pub mod openapi;
pub mod queue;
pub mod queue_status;
