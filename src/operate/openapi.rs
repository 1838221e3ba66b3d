//! `GET /api/openapi.json`: what there is, for programs. The document lies beside this file and is served as it lies there.

use http::StatusCode;

use crate::http::reply::Reply;

/// The document.
pub fn report() -> Reply {
    Reply::json_text(StatusCode::OK, DOCUMENT)
}

const DOCUMENT: &str = include_str!("openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;
    use sluice_ollama::endpoint::Family;

    use super::*;
    use crate::gate::PublicTicket;
    use crate::http::routes::{self, Route};

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    /// The operations of the document: method and path, its open segment without a name.
    fn operations(document: &Value) -> BTreeMap<(String, String), Value> {
        let mut operations = BTreeMap::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let path = match path.split_once('{') {
                Some((prefix, _)) => format!("{prefix}{{}}"),
                None => path.clone(),
            };
            for (method, operation) in methods.as_object().unwrap() {
                let method = method.to_ascii_uppercase();
                operations.insert((method, path.clone()), operation.clone());
            }
        }
        operations
    }

    #[test]
    fn the_document_tells_of_every_route_and_of_no_other() {
        let told: BTreeSet<_> = operations(&document()).into_keys().collect();
        let there: BTreeSet<_> = routes::all()
            .map(|(method, path, _)| (method.to_string(), path.to_owned()))
            .collect();
        assert_eq!(told, there);
    }

    #[test]
    fn a_key_is_asked_for_where_the_document_says_so() {
        let operations = operations(&document());
        for (method, path, route) in routes::all() {
            let operation = &operations[&(method.to_string(), path.to_owned())];
            let ways = operation["security"].as_array().unwrap();
            let is_free = ways.is_empty() || ways.contains(&serde_json::json!({}));
            assert_eq!(route.needs_key(), !is_free, "{method} {path}");
            if route.needs_key() {
                assert!(operation["responses"]["401"].is_object(), "{method} {path}");
            }
        }
    }

    #[test]
    fn gated_routes_tell_of_the_line_and_errors_are_in_the_form_of_their_family() {
        let operations = operations(&document());
        for (method, path, route) in routes::all() {
            let responses = &operations[&(method.to_string(), path.to_owned())]["responses"];
            if let Route::Gated(_) = route {
                for status in ["400", "413", "415", "429", "502", "503", "504"] {
                    assert!(responses[status].is_object(), "{method} {path} {status}");
                }
            }
            if let Route::PassOn(_) = route {
                // They meet no bound on their rate, and an upstream's 429 is told as 503.
                assert!(responses["429"].is_null(), "{method} {path}");
            }
            let Some(refused) = responses["401"]["$ref"].as_str() else {
                continue;
            };
            let family = match path {
                "/v1/messages" => Family::Anthropic,
                path if path.starts_with("/v1/") => Family::OpenAi,
                _ => Family::Ollama,
            };
            for (word, theirs) in [
                ("/OpenAi", Family::OpenAi),
                ("/Anthropic", Family::Anthropic),
            ] {
                assert_eq!(refused.contains(word), family == theirs, "{method} {path}");
            }
            if let Route::Gated(endpoint) = route {
                assert_eq!(endpoint.family(), family, "{path}");
            }
        }
    }

    #[test]
    fn a_ticket_is_what_the_document_says() {
        let operations = operations(&document());
        let operation = &operations[&("DELETE".to_owned(), "/api/queue/{}".to_owned())];
        let ticket = &operation["parameters"][0];
        assert!(PublicTicket::parse(ticket["example"].as_str().unwrap()).is_some());
        let digits = u64::MAX.to_string().len();
        let pattern = format!("^[0-9]{{1,{digits}}}-[0-9]{{1,{digits}}}-[0-9a-f]{{32}}$");
        assert_eq!(ticket["schema"]["pattern"], pattern);
        let longest = format!("{}-{}-{:032x}", u64::MAX, u64::MAX, u128::MAX);
        assert!(PublicTicket::parse(&longest).is_some());
    }

    #[test]
    fn all_but_probes_ask_for_a_name_that_is_answered_to() {
        for ((method, path), operation) in operations(&document()) {
            let is_told = operation["responses"]["421"].is_object();
            assert_eq!(is_told, !routes::is_probe(&path), "{method} {path}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_everything_is_referred_to() {
        let document = document();
        let mut used = BTreeSet::new();
        collect(&document, &mut used);
        let mut there = BTreeSet::new();
        for kind in ["parameters", "responses", "schemas"] {
            let names = document["components"][kind].as_object().unwrap().keys();
            there.extend(names.map(|name| format!("#/components/{kind}/{name}")));
        }
        assert_eq!(used, there);
    }

    fn collect(value: &Value, used: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    used.insert(reference.to_owned());
                }
                members.values().for_each(|value| collect(value, used));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, used)),
            _ => {}
        }
    }
}
