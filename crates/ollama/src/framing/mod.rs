//! Framing: where a line or an event ends, and what the passing bytes say about the answer.

mod events;
mod facts;
mod lines;
mod passage;
mod watch;

pub use events::EventWriter;
pub(crate) use events::write_data;
pub use lines::{LineSplitter, LineTooLong, MAX_LINE};
pub use passage::Passage;
pub use watch::{AnswerWatch, Tally, Verdict};
