//! Members into fields, as Go decodes a struct: names fold, `null` changes nothing, and of several wrong types the first is
//! told when all is read.

use super::raw::{Kind, Raw};

/// Decodes one struct of Ollama's.
pub(crate) struct Decoder {
    /// The struct's name, which stands in the messages.
    root: &'static str,
    fault: Option<String>,
}

impl Decoder {
    pub(crate) fn new(root: &'static str) -> Self {
        Self { root, fault: None }
    }

    /// What was wrong first, if anything was.
    pub(crate) fn finish(self) -> Result<(), String> {
        self.fault.map_or(Ok(()), Err)
    }

    /// The members of the struct itself, names folded to lower case.
    pub(crate) fn root<'a>(&mut self, raw: Raw<'a>, package: &str) -> Vec<(String, Raw<'a>)> {
        if !matches!(raw.kind(), Kind::Object | Kind::Null) {
            let (kind, root) = (name_of(raw.kind()), self.root);
            self.fail(format!(
                "json: cannot unmarshal {kind} into Go value of type {package}.{root}"
            ));
        }
        folded(raw)
    }

    /// The members of an object inside it.
    pub(crate) fn object<'a>(
        &mut self,
        path: &str,
        raw: Raw<'a>,
        go_type: &str,
    ) -> Vec<(String, Raw<'a>)> {
        self.expect(path, raw, Kind::Object, go_type);
        folded(raw)
    }

    pub(crate) fn array<'a>(&mut self, path: &str, raw: Raw<'a>, go_type: &str) -> Vec<Raw<'a>> {
        self.expect(path, raw, Kind::Array, go_type);
        raw.items()
    }

    pub(crate) fn text(&mut self, path: &str, raw: Raw<'_>, into: &mut String) {
        if self.expect(path, raw, Kind::String, "string") {
            *into = raw.text().unwrap_or_default();
        }
    }

    pub(crate) fn truth(&mut self, path: &str, raw: Raw<'_>, into: &mut Option<bool>) {
        if self.expect(path, raw, Kind::Bool, "bool") {
            *into = raw.truth();
        }
    }

    pub(crate) fn float(&mut self, path: &str, raw: Raw<'_>, into: &mut Option<f64>) {
        if self.expect(path, raw, Kind::Number, "float64") {
            *into = raw.number();
        }
    }

    pub(crate) fn integer(&mut self, path: &str, raw: Raw<'_>, into: &mut Option<i64>) {
        if !self.expect(path, raw, Kind::Number, "int") {
            return;
        }
        match raw.source().parse() {
            Ok(number) => *into = Some(number),
            Err(_) => {
                let value = format!("number {}", raw.source());
                self.mismatch(path, &value, "int");
            }
        }
    }

    /// Notes a fault in words of its own.
    pub(crate) fn fail(&mut self, message: String) {
        self.fault.get_or_insert(message);
    }

    pub(crate) fn mismatch(&mut self, path: &str, value: &str, go_type: &str) {
        let root = self.root;
        self.fail(format!(
            "json: cannot unmarshal {value} into Go struct field {root}.{path} of type {go_type}"
        ));
    }

    /// Whether a value is there and of this kind; one of another kind is a fault.
    fn expect(&mut self, path: &str, raw: Raw<'_>, kind: Kind, go_type: &str) -> bool {
        if raw.kind() != kind && !raw.is_null() {
            self.mismatch(path, name_of(raw.kind()), go_type);
        }
        raw.kind() == kind
    }
}

fn folded(raw: Raw<'_>) -> Vec<(String, Raw<'_>)> {
    let members = raw.members().into_iter();
    members.map(|(name, value)| (fold(&name), value)).collect()
}

/// A name as Go compares names: without case, and with the two letters outside ASCII that fold into it.
fn fold(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        'ſ' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    });
    letters.collect()
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "bool",
        Kind::Number => "number",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_and_the_first_fault_is_told() {
        let text =
            "{\"MODEL\":\"a\",\"me\u{17f}\u{17f}ages\":7,\"\u{212a}eep\":1.5,\"model\":null}";
        let mut decoder = Decoder::new("ChatRequest");
        let mut model = String::new();
        let mut keep = None;
        for (name, raw) in decoder.root(Raw::first(text.as_bytes()).unwrap(), "api") {
            match name.as_str() {
                "model" => decoder.text("model", raw, &mut model),
                "messages" => {
                    decoder.array("messages", raw, "[]api.Message");
                }
                "keep" => decoder.integer("keep", raw, &mut keep),
                other => panic!("{other}"),
            }
        }
        assert_eq!(model, "a");
        let expected = "json: cannot unmarshal number into Go struct field ChatRequest.messages of type []api.Message";
        assert_eq!(decoder.finish(), Err(expected.to_owned()));
    }

    #[test]
    fn what_is_no_object_is_no_struct() {
        let mut decoder = Decoder::new("ChatRequest");
        decoder.root(Raw::first(b"[]").unwrap(), "api");
        let expected = "json: cannot unmarshal array into Go value of type api.ChatRequest";
        assert_eq!(decoder.finish(), Err(expected.to_owned()));
    }
}
