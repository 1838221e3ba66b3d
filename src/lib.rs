//! Sluice's chat component: the glue between HTTP, the gate and Ollama's wire forms.
//!
//! A request enters through [`router`], which finds its route, checks where it comes from and who asks. The pure crates
//! decide (`sluice_gate` who may start, `sluice_ollama` what a request says and how an answer is framed); what is here
//! turns their decisions into calls to the host. `ARCHITECTURE.md` has the map.

pub mod alarms;
pub mod answer;
pub mod budget;
pub mod clock;
pub mod config;
pub mod counters;
pub mod gate;
pub mod http;
pub mod operate;
pub mod orders;
pub mod permits;
pub mod random;
pub mod request;
pub mod router;
pub mod single_flight;
pub mod store;
pub mod tasks;
pub mod upstreams;
pub mod waiter;
pub mod world;
#[cfg(test)]
mod written;

use spin_sdk::wasip3::http::types::{Request, Response};

/// Answers a request.
pub async fn serve(request: Request) -> Response {
    store::note_by(counters::store_notes());
    tasks::attentive(router::handle(request)).await
}

/// The entry point of the component, on WASM alone: natively the export's name does not link. Spin's own (`http_service`) asks
/// the host for more of a request than is needed here, one call after another.
#[cfg(target_family = "wasm")]
mod export {
    use spin_sdk::wasip3::exports::http::handler::Guest;
    use spin_sdk::wasip3::http::service::export;
    use spin_sdk::wasip3::http::types::{ErrorCode, Request, Response};

    struct Component;

    export!(Component);

    impl Guest for Component {
        async fn handle(request: Request) -> Result<Response, ErrorCode> {
            Ok(super::serve(request).await)
        }
    }
}
