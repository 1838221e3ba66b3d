//! What `/api/show` says of a model. Pure.

use serde_json::Value;

use super::entry::{runs_elsewhere, text, words};

/// What a model is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What it can do, in Ollama's words; `None`: nobody could say.
    pub capabilities: Option<Vec<String>>,
    /// Ollama sends what it is asked elsewhere, with its operator's account.
    pub runs_elsewhere: bool,
    /// The family of its architecture; empty: not told.
    pub family: String,
    /// The longest text that it was taught, in tokens.
    pub context: Option<u64>,
    /// The file of its weights. Models of one file share a runner, if their options are the same.
    pub blob: Option<String>,
    /// The parameters that it sets itself, as Ollama prints them.
    pub parameters: String,
}

impl Facts {
    /// What a document of `/api/show` says.
    pub fn of(show: &Value) -> Facts {
        let info = &show["model_info"];
        let family = text(&show["details"]["family"]);
        let architecture = info["general.architecture"].as_str().unwrap_or(&family);
        Facts {
            capabilities: words(&show["capabilities"]),
            runs_elsewhere: runs_elsewhere(show),
            context: info[format!("{architecture}.context_length")].as_u64(),
            blob: show["modelfile"].as_str().and_then(blob),
            parameters: text(&show["parameters"]),
            family,
        }
    }

    /// Whether it can do this; `None`: nobody could say.
    pub fn can(&self, capability: &str) -> Option<bool> {
        let words = self.capabilities.as_ref()?;
        Some(words.iter().any(|word| word == capability))
    }

    /// Whether it makes vectors and cannot answer.
    pub fn only_embeds(&self) -> bool {
        self.can("embedding") == Some(true) && self.can("completion") == Some(false)
    }
}

/// The file that a model was made from: the name behind the last slash of the first `FROM`.
fn blob(modelfile: &str) -> Option<String> {
    let from = modelfile
        .lines()
        .find_map(|line| line.strip_prefix("FROM "));
    let file = from?.rsplit(['/', '\\']).next()?.trim();
    (!file.is_empty()).then(|| file.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_models_file_is_what_it_was_made_from() {
        let show = json!({
            "modelfile": "# To build a new Modelfile based on this, replace FROM with:\n# FROM x\n\nFROM /DIR/blobs/sha256-b179\nTEMPLATE \"y\"\nFROM z\n",
            "details": { "family": "llama" },
            "model_info": { "general.architecture": "llama", "llama.context_length": 8192 },
            "capabilities": ["completion"],
        });
        let facts = Facts::of(&show);
        assert_eq!(facts.blob.as_deref(), Some("sha256-b179"));
        assert_eq!(
            (facts.family.as_str(), facts.context),
            ("llama", Some(8192))
        );
        assert_eq!(
            blob(r"FROM C:\models\blobs\sha256-b1"),
            Some("sha256-b1".to_owned())
        );
        assert_eq!(Facts::of(&Value::Null), Facts::default());
    }

    #[test]
    fn what_a_model_can_do_is_what_is_said() {
        let facts = |show| Facts::of(&show);
        assert_eq!(facts(json!({})).can("completion"), None);
        let chat = facts(json!({ "capabilities": ["completion", "thinking"] }));
        assert_eq!(chat.can("thinking"), Some(true));
        assert_eq!(chat.can("vision"), Some(false));
        assert!(!chat.only_embeds());
        assert!(facts(json!({ "capabilities": ["embedding"] })).only_embeds());
        assert!(!facts(json!({})).only_embeds());
    }

    #[test]
    fn a_model_runs_elsewhere_if_its_upstream_says_so() {
        for (show, expected) in [
            (json!({ "remote_host": "" }), false),
            (json!({ "remote_host": "https://ollama.com:443" }), true),
            (json!({ "remote_model": "gpt-oss:120b" }), true),
            (Value::Null, false),
        ] {
            assert_eq!(Facts::of(&show).runs_elsewhere, expected, "{show}");
        }
    }
}
