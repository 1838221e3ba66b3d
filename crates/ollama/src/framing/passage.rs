//! One answer on its way from the upstream to the client: looked at as it came, and written as the client reads it.

use serde_json::json;

use super::cut::{self, Cut};
use super::events::EventWriter;
use super::last::LastFrame;
use super::lines::LineTooLong;
use super::renamer::Renamer;
use super::waited::{self, Waited};
use super::watch::{AnswerWatch, Tally, Verdict};
use crate::endpoint::Form;
use crate::translation::{Translation, Translator};

/// Passes one answer on.
#[derive(Debug)]
pub struct Passage {
    upstreams: Form,
    last: Option<LastFrame>,
    watch: AnswerWatch,
    writing: Writing,
    renamer: Option<Renamer>,
}

#[derive(Debug)]
enum Writing {
    Unchanged,
    Events(EventWriter),
    Translated(Translator),
}

impl Passage {
    /// For a client that is answered in `form`; with a translation the upstream answers with a chat of Ollama's.
    pub fn new(form: Form, translation: Option<&Translation>) -> Passage {
        let (upstreams, writing) = match (translation, form) {
            (Some(translation), _) => {
                let upstreams = match translation.is_document() {
                    true => Form::Document,
                    false => Form::Lines,
                };
                let translator = Translator::new(translation);
                (upstreams, Writing::Translated(translator))
            }
            (None, Form::Events) => (form, Writing::Events(EventWriter::default())),
            (None, _) => (form, Writing::Unchanged),
        };
        Passage {
            upstreams,
            last: None,
            watch: AnswerWatch::new(upstreams),
            writing,
            renamer: None,
        }
    }

    /// The same, with word in the last frame that the prompt was cut, and why it was waited for.
    pub fn telling(mut self, cut: Option<Cut>, waited: Option<&Waited>) -> Passage {
        let cut = cut.map(|cut| (cut::MEMBER, cut.document()));
        let waited = waited.map(|waited| (waited::MEMBER, json!(waited)));
        let members: Vec<_> = cut.into_iter().chain(waited).collect();
        self.last = (!members.is_empty()).then(|| LastFrame::new(&members, self.upstreams));
        self
    }

    /// The same for a model that the client has another name for: where the answer says `sent`, the client reads `asked`. A
    /// translation says by itself what was asked for.
    pub fn with_name(mut self, sent: &str, asked: &str) -> Passage {
        let is_written = matches!(self.writing, Writing::Translated(_));
        self.renamer = (sent != asked && !is_written).then(|| Renamer::new(sent, asked));
        self
    }

    /// What the client gets for this chunk of the upstream's; what is passed unchanged is not copied.
    ///
    /// # Errors
    /// A line is longer than [`super::MAX_LINE`]; the answer is not worth passing on further.
    pub fn pass(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, LineTooLong> {
        let chunk = match &mut self.last {
            Some(last) => last.pass(chunk)?,
            None => chunk,
        };
        let written = self.write(chunk)?;
        Ok(match &mut self.renamer {
            Some(renamer) => renamer.pass(&written),
            None => written,
        })
    }

    fn write(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, LineTooLong> {
        self.watch.see(&chunk)?;
        let mut out = Vec::new();
        match &mut self.writing {
            Writing::Unchanged => return Ok(chunk),
            Writing::Events(events) => events.feed(&chunk, &mut out)?,
            Writing::Translated(translator) => translator.feed(&chunk, &mut out)?,
        }
        Ok(out)
    }

    /// What the client gets at the end, and what the answer came to, when the upstream has ended its body in good order.
    /// A translated document that is incomplete is not begun.
    pub fn end(&mut self) -> (Verdict, Vec<u8>) {
        let rest = self.last.as_ref().map(LastFrame::end).unwrap_or_default();
        // What was held back is one line within its bound; were it not, the answer would be incomplete without it.
        let mut out = self.write(rest).unwrap_or_default();
        let mut verdict = self.watch.end();
        match &mut self.writing {
            Writing::Unchanged => {}
            Writing::Events(events) => events.finish(&mut out),
            Writing::Translated(translator) => {
                if verdict != Verdict::Incomplete {
                    translator.finish(&mut out);
                }
                // The watch looks for words and skips what a translation has to read: what the client was told is what it came to.
                verdict = translator.verdict();
            }
        }
        if let Some(renamer) = &mut self.renamer {
            out = renamer.pass(&out);
            out.extend(renamer.end());
        }
        (verdict, out)
    }

    /// Whether the client has the end of the answer, good or bad, whatever becomes of the connection that it came by.
    pub fn has_ended(&self) -> bool {
        match &self.writing {
            Writing::Translated(translator) => translator.verdict() != Verdict::Incomplete,
            Writing::Unchanged | Writing::Events(_) => {
                self.watch.verdict() != Verdict::Incomplete && self.watch.between_frames()
            }
        }
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.watch.tally()
    }

    /// Whether something may be written between what the client has got and what comes. What is written anew is written in
    /// whole frames.
    pub fn between_frames(&self) -> bool {
        match self.writing {
            Writing::Unchanged => self.watch.between_frames(),
            Writing::Events(_) | Writing::Translated(_) => true,
        }
    }
}
