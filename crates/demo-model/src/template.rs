//! From messages to the text that the model was taught to continue: ChatML.

use ollama_sim::Message;

use crate::{error::ModelError, tokenizer::Tokenizer};

/// Puts messages into tokens.
pub(crate) struct Template {
    start: u32,
    end: u32,
}

impl Template {
    pub(crate) fn new(tokenizer: &Tokenizer) -> Result<Self, ModelError> {
        Ok(Self {
            start: tokenizer.control("<|im_start|>")?,
            end: tokenizer.control("<|im_end|>")?,
        })
    }

    /// The tokens of a conversation up to where the assistant begins to speak; `None` when the system's word and the last
    /// message do not leave room for an answer within `context`. From a conversation that is too long the oldest messages are
    /// left out, until a quarter of the context is there for the answer.
    pub(crate) fn conversation(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        context: usize,
    ) -> Option<Vec<u32>> {
        let (system, rest) = match messages.split_first() {
            Some((first, rest)) if role(first) == "system" => (first.content.as_str(), rest),
            _ => (SYSTEM, messages),
        };
        let mut head = Vec::new();
        self.message(tokenizer, "system", system, &mut head);
        let encoded: Vec<Vec<u32>> = rest
            .iter()
            .map(|message| {
                let mut tokens = Vec::new();
                self.message(tokenizer, role(message), &message.content, &mut tokens);
                tokens
            })
            .collect();
        let mut tail = vec![self.start];
        tokenizer.encode("assistant\n", &mut tail);

        let frame = head.len() + tail.len();
        let mut length = frame + encoded.iter().map(Vec::len).sum::<usize>();
        let mut left_out = 0;
        while length > context - context / 4 && left_out + 1 < encoded.len() {
            length -= encoded[left_out].len();
            left_out += 1;
        }
        (length < context).then(|| {
            let kept = encoded.into_iter().skip(left_out);
            head.extend(kept.flatten().chain(tail));
            head
        })
    }

    fn message(&self, tokenizer: &Tokenizer, role: &str, content: &str, tokens: &mut Vec<u32>) {
        tokens.push(self.start);
        tokenizer.encode(&format!("{role}\n{content}"), tokens);
        tokens.push(self.end);
        tokenizer.encode("\n", tokens);
    }
}

/// Who says a message; roles are not checked, as by Ollama.
fn role(message: &Message) -> &str {
    match message.role.as_str() {
        "developer" => "system",
        role => role,
    }
}

/// What the model is told when nobody else tells it, as its own template has it.
const SYSTEM: &str = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gguf::Gguf, tiny};

    fn said(role: &str, content: &str) -> Message {
        Message {
            role: role.to_owned(),
            content: content.to_owned(),
        }
    }

    /// The conversation as text, with the control tokens as `[` and `]`.
    fn text(messages: &[Message], context: usize) -> Option<String> {
        let file = tiny::model();
        let tokenizer = Tokenizer::load(&Gguf::read(&file).unwrap()).unwrap();
        let template = Template::new(&tokenizer).unwrap();
        let tokens = template.conversation(&tokenizer, messages, context)?;
        let bytes = tokens.iter().flat_map(|token| match *token {
            token if token == template.start => b"[",
            token if token == template.end => b"]",
            token => tokenizer.piece(token),
        });
        Some(String::from_utf8(bytes.copied().collect()).unwrap())
    }

    #[test]
    fn a_conversation_is_chatml() {
        let messages = [said("system", "Be brief."), said("user", "hello")];
        let expected = "[system\nBe brief.]\n[user\nhello]\n[assistant\n";
        assert_eq!(text(&messages, 1000).unwrap(), expected);
    }

    #[test]
    fn the_model_knows_who_it_is_when_nobody_says() {
        let text = text(&[said("user", "hello")], 1000).unwrap();
        assert!(text.starts_with("[system\nYou are a helpful AI assistant named SmolLM"));
    }

    #[test]
    fn the_oldest_messages_are_left_out_when_there_are_too_many() {
        let mut messages = vec![said("system", "x")];
        messages.extend((0..50).map(|at| said("user", &format!("number {at}."))));
        let text = text(&messages, 200).unwrap();
        assert!(text.starts_with("[system\nx]\n[user\nnumber 4"), "{text}");
        assert!(text.ends_with("number 49.]\n[assistant\n"));
    }

    #[test]
    fn a_last_message_that_is_too_long_is_not_cut() {
        let messages = [said("user", "a"), said("user", &"b ".repeat(300))];
        assert_eq!(text(&messages, 200), None);
    }
}
