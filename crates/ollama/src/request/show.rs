//! The body of `/api/show`, by the same reading as the others.

use super::{Invalid, MAX_MODEL_NAME, fields, shape};
use crate::json::{self, Kind, Raw};

/// What is asked about a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// The model.
    pub model: String,
    /// Whether all is asked for, vocabulary and tensors too.
    pub verbose: bool,
}

/// Reads a body. Where `model` is empty, `name` counts: that is the older word, and Ollama's own command line sends both.
///
/// # Errors
/// It names no model, or is none that Ollama would read.
pub fn show(body: Vec<u8>) -> Result<Show, Invalid> {
    let mut text = body;
    json::check(&text).map_err(Invalid::json)?;
    if Raw::of(&text).kind() != Kind::Object {
        return Err(Invalid::request(None, "the body must be a JSON object"));
    }
    let begin = json::begin_of(&text);
    shape::normalize(&mut text, begin, fields::SHOW)?;
    let [model, name, verbose] = Raw::of(&text).read(["model", "name", "verbose"]);
    let named = [model, name].into_iter().flatten();
    let named = named.filter_map(|name| Some(name.text(2 * MAX_MODEL_NAME)?.trim().to_owned()));
    match named.into_iter().find(|name| !name.is_empty()) {
        Some(model) => Ok(Show {
            model,
            verbose: verbose.and_then(Raw::flag) == Some(true),
        }),
        None => Err(Invalid::request(
            Some("model"),
            "model must be the name of a model",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_model_means_name_and_names_fold() {
        let asked =
            |body: &str| show(body.as_bytes().to_vec()).map(|show| (show.model, show.verbose));
        let model = |model: &str, verbose| Ok((model.to_owned(), verbose));
        assert_eq!(
            asked(r#"{"name":"m","model":"n","verbose":true}"#),
            model("n", true)
        );
        assert_eq!(asked(r#"{"model":"","Name":"m"}"#), model("m", false));
        assert_eq!(asked(r#"{"model":null,"name":" m "}"#), model("m", false));
        for body in [
            "",
            "[]",
            "{}",
            r#"{"model":""}"#,
            r#"{"model":5}"#,
            r#"{"model":"a","MODEL":"b"}"#,
        ] {
            assert!(asked(body).is_err(), "{body}");
        }
    }
}
