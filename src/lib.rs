//! Sluice's chat component: the glue between HTTP, the gate and Ollama's wire forms.
//!
//! A request enters through [`router`], which finds its route, checks where it comes from and who asks. The pure crates
//! decide (`sluice_gate` who may start, `sluice_ollama` what a request says and how an answer is framed); what is here
//! turns their decisions into calls to the host. `ARCHITECTURE.md` has the map.

pub mod body;
pub mod chat;
pub mod clients;
pub mod config;
pub mod gate;
pub mod health;
pub mod incoming;
pub mod limiter;
pub mod log;
pub mod metrics;
pub mod openapi;
pub mod passthrough;
pub mod queue;
pub mod queue_status;
pub mod refusal;
pub mod relay;
pub mod reply;
pub mod router;
pub mod routes;
pub mod tasks;
pub mod ticker;
pub mod upstreams;

use spin_sdk::http::Request;
use spin_sdk::wasip3::http::types::Response;

/// The entry point of the component. It is exported on WASM alone: natively the export's name does not link.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn serve(request: Request) -> Response {
    tasks::attentive(router::handle(request)).await
}
