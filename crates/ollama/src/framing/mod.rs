//! Framing: where a line or an event ends, and what the passing bytes say about the answer.

mod cut;
mod events;
mod facts;
mod last;
mod lines;
mod passage;
mod renamer;
mod waited;
mod watch;

pub use cut::Cut;
pub(crate) use cut::MEMBER as CUT_MEMBER;
pub use events::EventWriter;
pub(crate) use events::{write_data, write_event};
pub use lines::{LineSplitter, LineTooLong, MAX_LINE};
pub use passage::Passage;
pub(crate) use waited::MEMBER as WAITED_MEMBER;
pub use waited::Waited;
pub use watch::{AnswerWatch, Tally, Verdict};
