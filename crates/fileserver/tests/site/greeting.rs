//! What `/` is: Ollama's sentence for programs, the page for browsers.

use http::Method;

use super::{Folder, PAGE};

#[test]
fn a_program_that_looks_for_ollama_finds_it() {
    let folder = Folder::new();
    for headers in [
        &[][..],
        &[("accept", "*/*"), ("user-agent", "curl/8.5.0")],
        &[
            ("accept", "application/json"),
            ("user-agent", "Go-http-client/1.1"),
        ],
    ] {
        let answer = folder.ask(Method::GET, "/", headers);
        assert_eq!(
            (
                answer.status(),
                answer.header("content-type"),
                answer.header("vary")
            ),
            (200, Some("text/plain; charset=utf-8"), Some("accept")),
            "{headers:?}"
        );
        assert_eq!(answer.body(), b"Ollama is running", "{headers:?}");
    }
    for headers in [&[][..], &[("accept", "text/html"), ("range", "bytes=0-0")]] {
        let answer = folder.ask(Method::HEAD, "/", headers);
        assert_eq!(
            (answer.status(), answer.header("content-length")),
            (200, Some("17")),
            "{headers:?}"
        );
    }
}

#[test]
fn whoever_looks_with_a_browser_finds_the_page() {
    let folder = Folder::new();
    for headers in [
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/149.0"),
        ("sec-fetch-mode", "no-cors"),
    ] {
        let answer = folder.ask(Method::GET, "/", &[headers]);
        assert_eq!(
            (answer.status(), answer.header("vary")),
            (200, Some("accept, accept-encoding")),
            "{headers:?}"
        );
        assert_eq!(answer.body(), PAGE.as_bytes(), "{headers:?}");
    }
    let other = folder.ask(Method::GET, "/index.html", &[]);
    assert_eq!(other.body(), PAGE.as_bytes());
}
