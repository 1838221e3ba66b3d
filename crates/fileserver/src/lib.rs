//! The static-file component: the folder that is mounted at `/`, over HTTP.
//!
//! # What it does
//!
//! `GET` and `HEAD` with strong entity tags and 304, byte ranges, files compressed beforehand (`app.js.HASH.br` and
//! `app.js.HASH.gz` beside `app.js`, with the hash of `app.js`), what Ollama says at `/` for programs, `/dashboard` for `dashboard.html`, `index.html` for a directory, `404.html` for what is not there, and
//! the headers of `policy.rs`.
//!
//! # Limits
//!
//! An instance serves up to 16 requests at once and outlives them by a second. Small files are kept in memory up to
//! `files::MAX_KEPT_BYTES`; larger ones are read piece by piece while they are sent.
//!
//! # What it does not do
//!
//! It compresses nothing (its build does), lists no directory, and serves no file whose name starts with a dot.
//!
//! **Invariant:** nothing from outside can trap the instance, since that would end the other requests in it; and a path
//! reaches the file system only as a `path::FilePath`.

mod body;
mod encoding;
mod files;
mod greeting;
mod media;
mod path;
mod policy;
mod range;
mod site;

use std::{path::PathBuf, sync::LazyLock};

pub use body::FileBody;
pub use site::Site;

/// The mounted folder. Its memory is a cache that the requests of an instance share.
static SITE: LazyLock<Site> = LazyLock::new(|| Site::new(PathBuf::from("/")));

/// The entry point of the component. It is exported on WASM alone: natively the export's name does not link.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn serve(request: spin_sdk::http::Request) -> http::Response<FileBody> {
    SITE.respond(request.method(), request.uri(), request.headers())
}
