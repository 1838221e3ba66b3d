//! What is written from the table of refusals: the operator's table of them, and the codes in the OpenAPI document.

use std::fmt::Write;

use super::*;
use crate::written::{between, read, write_if_stale};

#[test]
fn the_operators_page_is_written_from_the_table() {
    let page = read("docs/operating.md");
    let mut table = String::from(
        "\n| code | status | OpenAI's type | Anthropic's type | sentence | retry-after | what it means |\n|---|---|---|---|---|---|---|\n",
    );
    for (refusal, sentence, what) in Refusal::rows() {
        let status = refusal.status();
        // A row whose status is not its own has that of the upstream.
        let [status, openai, anthropic] = if status.is_success() {
            ["the upstream's", "by status", "by status"].map(str::to_owned)
        } else {
            let types = [Family::OpenAi, Family::Anthropic].map(|family| refusal.kind(family));
            [
                status.as_str().to_owned(),
                types[0].to_owned(),
                types[1].to_owned(),
            ]
        };
        let retry_after = match (&refusal, refusal.retry_after()) {
            (
                Refusal::Unauthorized { .. }
                | Refusal::UpstreamBusy { .. }
                | Refusal::UpstreamDown { .. },
                _,
            ) => "where it is known".to_owned(),
            (_, None) => String::new(),
            (_, Some(Duration::ZERO)) => "computed".to_owned(),
            (_, Some(fixed)) => humantime::format_duration(fixed).to_string(),
        };
        let code = refusal.code();
        let sentence = sentence.replace(":?}", "}");
        let _ = writeln!(
            table,
            "| `{code}` | {status} | `{openai}` | `{anthropic}` | {sentence} | {retry_after} | {what} |"
        );
    }
    table.push('\n');
    let page = between(
        &page,
        "<!-- written from src/http/refuse/table.rs -->\n",
        "<!-- end -->",
        &table,
    );
    write_if_stale("docs/operating.md", &page);
}

#[test]
fn the_openapi_document_has_the_codes_of_the_table() {
    let name = "src/operate/openapi.json";
    let codes: Vec<String> = Refusal::codes().map(|code| format!("\"{code}\"")).collect();
    let document = between(
        &read(name),
        "\"code\": {\"type\": \"string\", \"enum\": [",
        "]}",
        &codes.join(", "),
    );
    write_if_stale(name, &document);
}
