//! What the simulator says, and how it is cut into tokens: one word each, with the white space after it.

/// The text of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Text {
    /// A short friendly answer in Markdown that repeats the prompt and says that a simulator speaks.
    #[default]
    Answer,
    /// The prompt, as it came.
    Echo,
    /// Prose without markup.
    Lorem,
    /// Headings, lists, a table and fenced code.
    Markdown,
    /// This text.
    Verbatim(String),
}

/// A text cut into tokens, repeated for as long as it is asked for more.
#[derive(Debug)]
pub(crate) struct Tokens {
    text: String,
    at: usize,
}

impl Text {
    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "answer" => Self::Answer,
            "echo" => Self::Echo,
            "lorem" => Self::Lorem,
            "markdown" => Self::Markdown,
            _ => Self::Verbatim(word.to_owned()),
        }
    }

    /// The words for this prompt. Never empty.
    pub(crate) fn render(&self, model: &str, prompt: &str) -> String {
        let text = match self {
            Self::Answer => answer(model, prompt),
            Self::Echo => prompt.to_owned(),
            Self::Lorem => LOREM.to_owned(),
            Self::Markdown => MARKDOWN.to_owned(),
            Self::Verbatim(text) => text.clone(),
        };
        if text.trim().is_empty() {
            "…".to_owned()
        } else {
            text
        }
    }
}

impl Tokens {
    /// `text` has a character that is not white space.
    pub(crate) fn new(text: String) -> Self {
        Self { text, at: 0 }
    }

    /// How many tokens the text has, unrepeated.
    pub(crate) fn natural_len(&self) -> u32 {
        u32::try_from(self.text.split_whitespace().count()).unwrap_or(u32::MAX)
    }

    /// Sets the text apart from its repetition, if it will be repeated.
    pub(crate) fn fit(&mut self, wanted: u32) {
        if wanted > self.natural_len() && !self.text.ends_with(char::is_whitespace) {
            self.text.push_str("\n\n");
        }
    }

    /// The next token: a word, and the white space up to the next one.
    pub(crate) fn next(&mut self) -> &str {
        if self.at == self.text.len() {
            self.at = 0;
        }
        let rest = &self.text[self.at..];
        let start = rest.len() - rest.trim_start().len();
        let word = rest[start..]
            .find(char::is_whitespace)
            .map_or(rest.len(), |end| start + end);
        let end = rest[word..]
            .find(|c: char| !c.is_whitespace())
            .map_or(rest.len(), |next| word + next);
        self.at += end;
        &rest[..end]
    }
}

fn answer(model: &str, prompt: &str) -> String {
    let quoted: String = prompt.chars().take(QUOTED_CHARS).collect();
    let more = if quoted.len() < prompt.len() {
        " …"
    } else {
        ""
    };
    let quoted = quoted.replace('\n', "\n> ");
    format!(
        "Hello! You wrote:\n\n> {quoted}{more}\n\nThis is the **Ollama simulator** speaking as `{model}`. No model is \
         running, so this is all I can say about it:\n\n- Your words went through the gate and reached an upstream.\n- \
         This answer came back *one word at a time*, as a model's would.\n\nStart an Ollama to get real answers."
    )
}

/// What thinking says; it ends with white space, since it is repeated.
pub(crate) const THOUGHT: &str = "There is a prompt, so an answer is due. ";

/// A long prompt is quoted up to here, so that the answer stays short.
const QUOTED_CHARS: usize = 500;

const LOREM: &str = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore \
    et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea \
    commodo consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla \
    pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est \
    laborum.";

const MARKDOWN: &str = "## How a line works\n\nPeople who share *one* machine wait **in turn**:\n\n1. Somebody asks.\n2. \
    The gate gives out a place.\n3. The answer streams.\n\n| place | state |\n|---|---|\n| 1 | active |\n| 2 | waiting \
    |\n\n```rust\nfn main() {\n    println!(\"next, please\");\n}\n```\n\n> A line is fair when it is seen.\n\nThat is \
    all there is to it.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_joined_are_the_text() {
        for text in [
            Text::Answer,
            Text::Lorem,
            Text::Markdown,
            Text::Verbatim("  two\n words ".into()),
        ] {
            let text = text.render("m", "a prompt\nof two lines");
            let mut tokens = Tokens::new(text.clone());
            let joined: String = (0..tokens.natural_len())
                .map(|_| tokens.next().to_owned())
                .collect();
            assert_eq!(joined, text);
        }
    }

    #[test]
    fn a_text_too_short_is_repeated() {
        let mut tokens = Tokens::new("one two".into());
        tokens.fit(4);
        let joined: String = (0..4).map(|_| tokens.next().to_owned()).collect();
        assert_eq!(joined, "one two\n\none two\n\n");
    }

    #[test]
    fn a_text_without_a_word_is_replaced() {
        assert_eq!(Text::Echo.render("m", " \n"), "…");
    }
}
