//! Reads the body of a gated request, settles it with what is the operator's, and refuses models that are not for this client.

use http::header;
use sluice_ollama::request::Code;
use sluice_ollama::{Asker, Endpoint, Prepared, prepare};

use super::client::Client;
use crate::budget::Share;
use crate::config::Config;
use crate::http::body::Body;
use crate::http::head::Head;
use crate::http::refuse::Refusal;
use crate::upstreams::catalog;

/// Reads and settles a body; its share of the memory for bodies goes on with it.
///
/// # Errors
/// It is no request that Ollama would understand, or asks for what is not offered here.
pub async fn read(
    endpoint: Endpoint,
    body: Body,
    head: &Head,
    client: &Client,
    config: &Config,
) -> Result<(Prepared, Share), Refusal> {
    // Only other names for models have to give way to real ones.
    let names = match config.policy.aliases.is_empty() {
        true => Vec::new(),
        false => catalog::names(config).await,
    };
    let asker = Asker {
        accept: head.text(&header::ACCEPT),
        is_operator: client.is_operator(),
        names: &names,
        has_choice: config.upstreams.len() > 1,
    };
    let (bytes, share) = body.into_parts();
    let prepared = prepare(endpoint, bytes, &asker, &config.policy);
    let prepared = prepared.map_err(|invalid| {
        if invalid.code == Code::InvalidJson && !head.claims_json() {
            Refusal::UnsupportedMediaType
        } else {
            invalid.into()
        }
    })?;
    may_run(&prepared, config)?;
    Ok((prepared, share))
}

/// Whether the operator lets anybody have this model, and run it where it runs.
fn may_run(prepared: &Prepared, config: &Config) -> Result<(), Refusal> {
    let model = prepared.model.as_str();
    if !model.is_empty() && !config.allows_model(model) {
        return Err(Refusal::ModelNotAllowed {
            model: model.to_owned(),
        });
    }
    if prepared.searches_web && !config.allow_cloud {
        return Err(Refusal::CloudNotAllowed {
            what: "a search of the web".to_owned(),
        });
    }
    if !config.allows_place_of(model) {
        return Err(Refusal::CloudNotAllowed {
            what: format!("the model {model:?}"),
        });
    }
    Ok(())
}
