//! The model of a request: the one that its client names or the operator's, by its own name or by another.

use serde_json::Value;

use super::draft::{Added, Draft, When};
use super::{Asker, MAX_MODEL_NAME};
use crate::options::Policy;

/// The model of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// What is sent upstream.
    pub(super) model: String,
    /// What was asked for.
    pub(super) asked: String,
    /// Whether the body says already what is sent.
    is_written: bool,
}

impl Named {
    /// The model that a body names, or the operator's where it names none.
    pub(super) fn read(draft: &Draft, asker: &Asker<'_>, policy: &Policy) -> Named {
        let model = draft.value("model");
        let model = model.and_then(|model| model.text(2 * MAX_MODEL_NAME));
        let written = model.map(|model| model.trim().to_owned());
        let written = written.filter(|model| !model.is_empty());
        let is_named = written.is_some();
        let asked = written.unwrap_or_else(|| policy.model.clone());
        match policy.target_of(&asked, asker.names) {
            Some(target) => Named {
                model: target.to_owned(),
                asked,
                is_written: false,
            },
            None => Named {
                model: asked.clone(),
                is_written: is_named || asked.is_empty(),
                asked,
            },
        }
    }

    /// Takes out what the body says where something else is sent, and says what is to be added to it.
    pub(super) fn write(&self, draft: &mut Draft) -> Vec<Added> {
        if self.is_written {
            return Vec::new();
        }
        draft.remove("model");
        let model = Value::from(self.model.as_str());
        vec![Added::new(When::Always, "model", model)]
    }
}
