//! A body whose grammar is checked piece by piece.
//!
//! # Why
//! An instance has one thread. Twenty bodies of eight mebibytes that are read at a stretch keep the streams beside them from
//! their tokens, and their sessions from the store.
//!
//! # Limits
//! A string and a number are read in one go: they are passed over at the speed of memory. So is what follows the check.

use super::Invalid;
use crate::json;

/// A body that is not checked to its end.
#[derive(Debug)]
pub struct Checking {
    text: Vec<u8>,
    check: json::Check,
}

/// How far a check has come.
#[derive(Debug)]
pub enum Progress {
    /// There is more of it.
    Partly(Checking),
    /// All of it is JSON.
    Whole(Checked),
}

/// A body that is JSON.
#[derive(Debug)]
pub struct Checked(Vec<u8>);

impl Checking {
    /// A body as it came.
    pub fn new(text: Vec<u8>) -> Checking {
        Checking {
            text,
            check: json::Check::default(),
        }
    }

    /// Checks the next piece, of about so many bytes.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn go_on(mut self, bytes: usize) -> Result<Progress, Invalid> {
        let is_whole = self.check.go_on(&self.text, bytes);
        Ok(if is_whole.map_err(Invalid::json)? {
            Progress::Whole(Checked(self.text))
        } else {
            Progress::Partly(self)
        })
    }
}

impl Checked {
    /// A body that is checked at a stretch.
    ///
    /// # Errors
    /// It is no JSON.
    pub(super) fn at_once(text: Vec<u8>) -> Result<Checked, Invalid> {
        json::check(&text).map_err(Invalid::json)?;
        Ok(Checked(text))
    }

    pub(super) fn into_text(self) -> Vec<u8> {
        self.0
    }
}
