//! The text of a translated request, bounded by the one that was read.

use crate::json::{self, Kind, Raw, unescape_into};
use crate::request::Invalid;

/// The text that is written, within its bound.
#[derive(Debug)]
pub(crate) struct Output {
    text: Vec<u8>,
    most: usize,
}

impl Output {
    /// For a text that says what one of so many bytes says.
    pub(crate) fn new(read: usize) -> Output {
        let most = read + SPARE;
        Output {
            text: Vec::with_capacity(most),
            most,
        }
    }

    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        if self.text.len() + bytes.len() > self.most {
            return Err(Invalid::request(
                Some("messages"),
                "messages would become much longer in Ollama's terms: use fewer parts, or shorter roles",
            ));
        }
        self.text.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends a member, and a comma before it where one is due.
    pub(crate) fn member(&mut self, name: &str, value: &[u8]) -> Result<(), Invalid> {
        self.separate()?;
        for part in [b"\"", name.as_bytes(), b"\":", value] {
            self.push(part)?;
        }
        Ok(())
    }

    /// Appends a comma where something stands before.
    pub(crate) fn separate(&mut self) -> Result<(), Invalid> {
        match self.text.last() {
            Some(b'{' | b'[' | b':') | None => Ok(()),
            Some(_) => self.push(b","),
        }
    }

    /// Lets `write` append bytes, of which there are at most as many as of `read`; gives those that were.
    pub(crate) fn append(
        &mut self,
        read: &[u8],
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<&[u8], Invalid> {
        let before = self.text.len();
        if before + read.len() > self.most {
            // Says what is wrong.
            self.push(read)?;
        }
        write(&mut self.text);
        Ok(self.text.get(before..).unwrap_or_default())
    }

    /// Appends the JSON object, or the null, that a text says; `false`: it says none.
    pub(crate) fn object(&mut self, text: Raw<'_>) -> Result<bool, Invalid> {
        let said = self.append(text.bytes(), |out| unescape_into(out, text.bytes()))?;
        Ok(json::check(said).is_ok() && matches!(Raw::of(said).kind(), Kind::Object | Kind::Null))
    }

    /// Appends the base64 that a text says behind what it must begin with; `false`: it says none.
    pub(crate) fn base64(
        &mut self,
        text: Raw<'_>,
        begins: impl FnOnce(&[u8]) -> Option<&'static [u8]>,
    ) -> Result<bool, Invalid> {
        let said = self.append(text.bytes(), |out| {
            let before = out.len();
            unescape_into(out, text.bytes());
            let said = out.len() - before;
            let kept = without_line_ends(out.get_mut(before..).unwrap_or_default());
            out.truncate(out.len() - (said - kept));
        })?;
        let Some(begin) = begins(said) else {
            return Ok(false);
        };
        let base64 = said.get(begin.len()..).unwrap_or_default();
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        if base64.is_empty() || !base64.iter().all(is_base64) {
            return Ok(false);
        }
        let (head, said) = (begin.len(), said.len());
        let begin = self.text.len().saturating_sub(said);
        self.text.drain(begin..begin + head.min(said));
        Ok(true)
    }

    /// The text, which has room to spare: it is given back when the one that was read is gone.
    pub(crate) fn into_text(self) -> Vec<u8> {
        self.text
    }
}

/// Moves all but the ends of lines to the front, since base64 may be broken into lines; says how many bytes that are. Only what
/// was appended is looked at: a text may have a picture for each sixty of its bytes.
fn without_line_ends(said: &mut [u8]) -> usize {
    let mut kept = 0;
    for at in 0..said.len() {
        if !matches!(said.get(at), Some(b'\r' | b'\n')) {
            said.swap(kept, at);
            kept += 1;
        }
    }
    kept
}

/// By how much the text may grow: the names of a chat's members, and the roles of messages whose content has many parts.
const SPARE: usize = 32 * 1024;
