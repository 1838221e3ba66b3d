//! The names of models that an upstream has said it sends elsewhere, with its operator's account.
//!
//! # Why
//! A busy upstream cannot always say in time what a model is. What was once said holds until it is said otherwise: a late answer lets
//! no request go on that is refused by one in time.
//!
//! # Limits
//! At most [`MOST`] names: an operator has a few.

use std::collections::HashSet;

use sluice_ollama::ModelName;

/// How many names are remembered at most.
const MOST: usize = 1_024;

/// The names that run elsewhere.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(HashSet<String>);

/// What is said of a model at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Somebody who has it sends it elsewhere.
    Elsewhere,
    /// Nobody who may have it does.
    Here,
    /// Who may have it has not said.
    Unknown,
}

impl Elsewhere {
    /// Whether a model runs elsewhere, as is said now or was last.
    pub(super) fn judge(&mut self, name: &ModelName, said: Said) -> bool {
        match said {
            Said::Elsewhere => {
                if self.0.len() < MOST {
                    self.0.insert(name.to_string());
                }
                true
            }
            Said::Here => {
                self.0.remove(&name.to_string());
                false
            }
            Said::Unknown => !self.0.is_empty() && self.0.contains(&name.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_to_run_elsewhere_does_until_it_is_said_otherwise() {
        let name = |name: &str| ModelName::parse(name).unwrap();
        let mut memory = Elsewhere::default();
        assert!(!memory.judge(&name("big"), Said::Unknown));
        assert!(memory.judge(&name("big"), Said::Elsewhere));
        assert!(memory.judge(&name("BIG:latest"), Said::Unknown));
        assert!(!memory.judge(&name("small"), Said::Unknown));
        assert!(!memory.judge(&name("big"), Said::Here));
        assert!(!memory.judge(&name("big"), Said::Unknown));
        for number in 0..=MOST {
            memory.judge(&name(&format!("m{number}")), Said::Elsewhere);
        }
        assert_eq!(memory.0.len(), MOST);
    }
}
