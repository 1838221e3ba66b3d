//! What a host refuses to start with, and that it says why.

use std::{fs, path::PathBuf};

use sluice_host::{Error, Host, Options};
use tempfile::TempDir;

/// An application on disk whose component is `wasm` and whose manifest has `more` at its end.
struct Application {
    folder: TempDir,
}

impl Application {
    fn new(wasm: &[u8], more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.wasm"), wasm).unwrap();
        fs::create_dir(folder.path().join("static")).unwrap();
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = 'a'\n[[trigger.http]]\nroute = '/...'\ncomponent = 'a'\n\
             [component.a]\nsource = 'a.wasm'\n{more}"
        );
        fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        Self { folder }
    }

    fn options(&self) -> Options {
        let mut options = Options::new(self.folder.path().join("spin.toml"));
        options.listen = "127.0.0.1:0".parse().unwrap();
        options
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

async fn refusal(options: Options) -> Error {
    match Host::start(options).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

#[track_caller]
fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "expected {word:?} in {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_import_is_named_with_its_component() {
    let error = refusal(Application::new(IMPORTS_FOO_BAR, "").options()).await;
    says(&error, &["component `a`", "foo:bar/baz"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_must_export_the_handler() {
    let error = refusal(Application::new(EMPTY, "").options()).await;
    says(&error, &["component `a`", "wasi:http/handler"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_component_is_refused() {
    let error = refusal(Application::new(b"#!/bin/sh", "").options()).await;
    says(&error, &["component `a`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_manifest_is_named() {
    let error = refusal(Options::new("nowhere/spin.toml")).await;
    says(&error, &["nowhere/spin.toml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_variable_is_named() {
    let application = Application::new(
        EMPTY,
        "[variables]\nkey = { required = true, secret = true }\n",
    );
    says(
        &refusal(application.options()).await,
        &["`key`", "SPIN_VARIABLE_KEY"],
    );
    let mut options = application.options();
    options.variables.insert("key".into(), "hunter2".into());
    let error = refusal(options).await;
    assert!(matches!(error, Error::Code { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_host_with_a_path_is_refused() {
    let application =
        Application::new(EMPTY, "allowed_outbound_hosts = ['https://host/ollama/']\n");
    says(
        &refusal(application.options()).await,
        &["component `a`", "https://host/ollama/", "path"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_configured_is_refused() {
    let application = Application::new(EMPTY, "key_value_stores = ['default', 'cache']\n");
    says(&refusal(application.options()).await, &["`cache`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_of_the_runtime_config_is_named() {
    let application = Application::new(EMPTY, "");
    let mut options = application.options();
    options.runtime_config = Some(application.file(
        "runtime-config.toml",
        "[outbound_http]\nmax_conections = 3\n",
    ));
    says(
        &refusal(options).await,
        &["runtime-config.toml", "max_conections"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mounts_must_exist_and_not_collide() {
    for (files, word) in [
        ("[{ source = 'nowhere', destination = '/' }]", "nowhere"),
        (
            "[{ source = 'static', destination = 'relative' }]",
            "must start with `/`",
        ),
        ("['nothing/*.txt']", "matches no file"),
        ("['../*']", "leaves"),
        (
            "[{ source = 'a.wasm', destination = '/../a.wasm' }]",
            "no `..`",
        ),
        (
            "[{ source = 'static', destination = '/' }, 'spin.toml']",
            "no place",
        ),
    ] {
        let application = Application::new(EMPTY, &format!("files = {files}\n"));
        says(
            &refusal(application.options()).await,
            &["component `a`", "files", word],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_none_are_refused() {
    let application = Application::new(EMPTY, "");
    let mut options = application.options();
    options.ca_file = Some(application.file("ca.pem", "not a certificate\n"));
    says(&refusal(options).await, &["ca.pem", "no certificate"]);
}

/// `(component)`
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// `(component (import "foo:bar/baz" (instance (export "f" (func)))))`
const IMPORTS_FOO_BAR: &[u8] = b"\0asm\x0d\0\x01\0\
    \x07\x0e\x01\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01f\x01\x00\
    \x0a\x10\x01\x00\x0bfoo:bar/baz\x05\x00";
