//! What goes to the upstream for one request, and for how long it is held.

use std::cell::RefCell;

use sluice_ollama::Translation;
use sluice_ollama::request::{Body, Needs, Payload, Sending};

use crate::budget::Share;
use crate::request::model::Known;

/// What goes to the upstream.
pub struct Outgoing {
    /// The path there, without the upstream's base.
    pub path: &'static str,
    /// The model that answers.
    model: String,
    /// The body, until the first byte of its answer is relayed: it is not sent again after that.
    body: RefCell<Option<Body>>,
    /// The memory for the body, and for what its answer repeats.
    share: RefCell<Share>,
    /// How its answer is translated; `None`: it is passed on as it comes.
    pub translation: Option<Translation>,
    /// What is known of its model.
    pub known: Known,
    /// What it asks of its model.
    pub needs: Needs,
}

impl Outgoing {
    /// A body for a model with its share of the memory for bodies, how its answer is translated, and what is known of the model.
    pub fn new(
        path: &'static str,
        model: String,
        body: Body,
        share: Share,
        translation: Option<Translation>,
        known: Known,
        needs: Needs,
    ) -> Outgoing {
        let outgoing = Outgoing {
            path,
            model,
            body: RefCell::new(Some(body)),
            share: RefCell::new(share),
            translation,
            known,
            needs,
        };
        outgoing.count();
        outgoing
    }

    /// The model that answers.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What `look` says of the body; `None`: it is gone.
    pub fn while_held<T>(&self, look: impl FnOnce(&Body) -> T) -> Option<T> {
        self.body.borrow().as_ref().map(look)
    }

    /// What is sent this time, while it may still be sent.
    pub fn payload(&self, sending: &Sending) -> Payload {
        let payload = self.while_held(|body| body.payload(sending));
        payload.unwrap_or_default()
    }

    /// It will not be sent again: its memory is free, but for what its answer repeats.
    pub fn let_go(&self) {
        self.body.take();
        self.count();
    }

    fn count(&self) {
        let repeated = self.translation.as_ref().map_or(0, Translation::held);
        let body = self.while_held(Body::held).unwrap_or(0);
        self.share.borrow_mut().set(body + repeated);
    }
}

#[cfg(test)]
mod tests {
    use sluice_ollama::{Asker, Endpoint, prepare};

    use super::*;
    use crate::budget::{Bounds, held};
    use crate::config::tests::config_with;

    #[test]
    fn what_an_answer_repeats_is_counted_until_it_has_ended() {
        let instructions = "x".repeat(10_000);
        let body = format!(r#"{{"model":"m","input":"x","instructions":"{instructions}"}}"#);
        let endpoint = Endpoint::OpenAiResponses;
        let policy = &config_with(&[]).policy;
        let asked = prepare(endpoint, body.into_bytes(), &Asker::default(), policy).unwrap();
        let translation = asked.delivery.unwrap().translation(7, 0, "m");
        let repeated = translation.held();
        assert!(repeated > instructions.len());
        let share = Share::new(Bounds {
            total: 1 << 20,
            client: None,
        });
        let outgoing = Outgoing::new(
            asked.path,
            asked.model,
            asked.body,
            share,
            Some(translation),
            Known::default(),
            asked.needs,
        );
        assert!(held() > repeated);
        outgoing.let_go();
        assert_eq!(held(), repeated);
        drop(outgoing);
        assert_eq!(held(), 0);
    }
}
