//! The chat component.
mod body;
mod config;
mod refusal;
mod relay;
mod reply;
mod ticker;
mod upstreams;
