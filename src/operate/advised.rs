//! Advice in the log, each piece once: who never looks at `/api/health` reads it there.
//!
//! # Limits
//! An instance remembers the last [`REMEMBERED`] pieces that it wrote; what it has forgotten it may write again.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::advice::Advice;
use crate::http::log::Line;

/// How many pieces are remembered.
const REMEMBERED: usize = 64;

/// Writes to the log what was not written yet.
pub(super) fn write(advice: &[Advice]) {
    let mut written = WRITTEN.take();
    for one in written.news(advice) {
        let [code, text, setting] = one.parts();
        Line::new("advice")
            .with("code", code)
            .with("text", text)
            .with("setting", setting)
            .write();
    }
    WRITTEN.set(written);
}

/// What was written.
#[derive(Debug, Default)]
struct Written(VecDeque<(&'static str, String)>);

impl Written {
    /// Those of these that were not written yet. They are now.
    fn news<'a>(&mut self, advice: &'a [Advice]) -> Vec<&'a Advice> {
        let mut news = Vec::new();
        for one in advice {
            let (code, about) = one.key();
            if self
                .0
                .iter()
                .any(|known| known.0 == code && known.1 == about)
            {
                continue;
            }
            if self.0.len() == REMEMBERED {
                self.0.pop_front();
            }
            self.0.push_back((code, about.to_owned()));
            news.push(one);
        }
        news
    }
}

thread_local! {
    static WRITTEN: RefCell<Written> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(about: &str, share: u64) -> Advice {
        let text = format!("{share} % of {about} is on the CPU");
        Advice::new("num_gpu", "num_gpu", text).about(about)
    }

    #[test]
    fn each_piece_is_written_once_whatever_its_figures_are() {
        let mut written = Written::default();
        let first = [advice("a", 93), advice("b", 50), advice("a", 92)];
        assert_eq!(written.news(&first), [&first[0], &first[1]]);
        assert_eq!(written.news(&[advice("b", 51)]), Vec::<&Advice>::new());
        let other = [advice("c", 1)];
        assert_eq!(written.news(&other), [&other[0]]);
    }

    #[test]
    fn no_more_is_remembered_than_its_bound() {
        let mut written = Written::default();
        for number in 0..=REMEMBERED {
            written.news(&[advice(&number.to_string(), 1)]);
        }
        assert_eq!(written.0.len(), REMEMBERED);
        assert_eq!(written.news(&[advice("0", 1)]).len(), 1);
    }
}
