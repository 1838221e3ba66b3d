//! What an item of the input says: a text, or parts.

use crate::json::{Kind, Raw};
use crate::request::Invalid;

/// A text, or a list of parts.
pub(super) struct Content<'a> {
    pub(super) raw: Raw<'a>,
    pub(super) path: String,
}

impl<'a> Content<'a> {
    /// The texts that say something, as they are written, without quotes.
    pub(super) fn texts(&self) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, Invalid> {
        for (index, part) in self.raw.items().enumerate() {
            self.check(index, part)?;
        }
        let whole = Some(self.raw).filter(|raw| raw.kind() == Kind::Text);
        let parts = self
            .raw
            .items()
            .filter(|part| !part.has_type("input_image"));
        let texts = whole
            .into_iter()
            .chain(parts.filter_map(|part| part.member("text")));
        let texts = texts.filter_map(Raw::inner);
        Ok(texts.filter(|text| !text.is_empty()))
    }

    /// Parts of other kinds, and files, Ollama does not take.
    fn check(&self, index: usize, part: Raw<'a>) -> Result<(), Invalid> {
        let path = format!("{}[{index}]", self.path);
        let is_text = part.has_type("input_text") || part.has_type("output_text");
        if !is_text && !part.has_type("input_image") {
            return Err(Invalid::request(
                Some(&path),
                format!("{path} must be an input_text, an output_text or an input_image"),
            ));
        }
        let text = part.member("text").filter(|_| is_text);
        match text.is_some_and(|text| text.kind() != Kind::Text) {
            true => Err(Invalid::request(
                Some(&format!("{path}.text")),
                format!("{path}.text must be a string"),
            )),
            false => Ok(()),
        }
    }

    /// The pictures that are given, with their paths; a file that Ollama is to know already is passed over, as there.
    pub(super) fn images(&self) -> impl Iterator<Item = (String, Raw<'a>)> {
        let parts = self.raw.items().enumerate();
        let images = parts.filter(|(_, part)| part.has_type("input_image"));
        images.filter_map(|(index, part)| {
            let url = part.member("image_url").filter(|url| !url.is_written(""))?;
            Some((format!("{}[{index}].image_url", self.path), url))
        })
    }
}
