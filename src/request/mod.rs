//! A request that was let in: who asks, whether as often as it may, and what.

pub mod client;
mod guesses;
pub mod limiter;
pub mod model;
mod read;
mod wait_at_most;

use std::rc::Rc;

use http::HeaderMap;

use crate::config::Config;
use crate::http::body::{Limits, UnreadBody};
use crate::http::head::Head;
use client::Client;
pub use read::{may_be_asked, read};
pub use wait_at_most::wait_at_most;

/// A request that was let in, with what its handler needs.
pub struct Asked {
    /// Its head.
    pub head: Head,
    /// Its body, unread.
    pub body: UnreadBody,
    /// The settings.
    pub config: Rc<Config>,
    /// Who asks.
    pub client: Client,
    /// Headers that every answer to it carries: they let a page of a configured origin read it, and say how its client stands.
    /// A whole answer gets them from the router; a stream's head must take them up itself.
    pub carried: HeaderMap,
}

impl Asked {
    /// What a body of up to so many bytes may take.
    pub fn limits(&self, bytes: usize) -> Limits {
        Limits {
            bytes,
            time: self.config.body_timeout,
            held: self.client.bounds(&self.config),
        }
    }
}
