//! A folder, served: what is answered to which request.

mod greeting;

use std::{
    fs::{self, File, FileTimes},
    time::SystemTime,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use sluice_fileserver::{FileBody, Site};
use tempfile::TempDir;

const PAGE: &str = "<!doctype html><title>page</title>";
const MAIN: &str = "export {};";
const LARGE: usize = (1 << 20) + 100_000;

/// The name of what the build makes of a file of this content.
fn encoded(path: &str, content: &str, suffix: &str) -> String {
    let hash = Sha256::digest(content);
    let hash: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{path}.{hash}.{suffix}")
}

/// A folder with one of everything.
struct Folder {
    directory: TempDir,
    site: Site,
}

impl Folder {
    fn new() -> Self {
        let directory = TempDir::new().expect("a temporary folder");
        let site = Site::new(directory.path().join("static"));
        let folder = Self { directory, site };
        for (path, content) in [
            ("index.html", PAGE),
            ("dashboard.html", "dashboard"),
            ("404.html", "not here"),
            ("docs/index.html", "docs"),
            ("js/main.js", MAIN),
            ("vendor/marked-18.2.1.js", "marked"),
            (".hidden", "secret"),
            ("../outside.txt", "secret"),
        ] {
            folder.write(path, content.as_bytes());
        }
        folder.write(&encoded("js/main.js", MAIN, "br"), b"brotli");
        folder.write(&encoded("js/main.js", MAIN, "gz"), b"gzip");
        let pattern: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
        folder.write("large.bin", &pattern);
        folder
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.directory.path().join("static").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, content).expect("a file");
    }

    fn ask(&self, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::try_from(*name).expect("a name");
                (name, HeaderValue::from_str(value).expect("a value"))
            })
            .collect();
        Answer(
            self.site
                .respond(&method, &uri.parse().expect("a URI"), &headers),
        )
    }

    /// As a browser gets it.
    fn get(&self, uri: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("accept", "text/html,*/*;q=0.8")], headers].concat();
        self.ask(Method::GET, uri, &headers)
    }
}

struct Answer(Response<FileBody>);

impl Answer {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0
            .headers()
            .get(name)
            .map(|value| value.to_str().expect("text"))
    }

    /// The body, which has as many bytes as the head says.
    fn body(self) -> Vec<u8> {
        let said = self.header("content-length").map(str::to_owned);
        let collecting = std::pin::pin!(self.0.into_body().collect());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let std::task::Poll::Ready(body) = collecting.poll(&mut context) else {
            panic!("files do not wait")
        };
        let body = body.expect("a whole body").to_bytes();
        assert_eq!(said.unwrap_or("0".into()), body.len().to_string());
        body.to_vec()
    }
}

#[test]
fn pages_are_found_by_name_by_directory_and_without_extension() {
    let folder = Folder::new();
    for (uri, content) in [
        ("/", PAGE),
        ("/index.html", PAGE),
        ("/?x=1", PAGE),
        ("/dashboard", "dashboard"),
        ("/dashboard.html", "dashboard"),
        ("/docs/", "docs"),
        ("/%64ocs/index.html", "docs"),
    ] {
        let answer = folder.get(uri, &[]);
        assert_eq!(answer.status(), 200, "{uri}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{uri}"
        );
        assert_eq!(answer.body(), content.as_bytes(), "{uri}");
    }
}

#[test]
fn a_directory_without_its_slash_is_a_redirect() {
    let folder = Folder::new();
    let answer = folder.get("/docs?x=1", &[]);
    assert_eq!(
        (answer.status(), answer.header("location")),
        (308, Some("/docs/?x=1"))
    );
    assert_eq!(folder.get("/js/", &[]).status(), 404);
}

#[test]
fn what_is_not_there_or_not_shown_is_the_404_page() {
    let folder = Folder::new();
    for uri in [
        "/none",
        "/dashboard/",
        "/.hidden",
        "/js/main.js.br",
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/js/..%5c..%5coutside.txt",
        "/index.html%00",
        "/js//main.js",
        "//",
    ] {
        let answer = folder.get(uri, &[("range", "bytes=0-1"), ("if-none-match", "*")]);
        assert_eq!(
            (answer.status(), answer.header("cache-control")),
            (404, Some("no-cache")),
            "{uri}"
        );
        assert!(answer.header("content-security-policy").is_some(), "{uri}");
        assert_eq!(answer.body(), b"not here", "{uri}");
    }
}

#[test]
fn a_folder_without_a_404_page_or_without_anything_still_answers() {
    let directory = TempDir::new().expect("a temporary folder");
    let site = Site::new(directory.path().join("none"));
    let answer = Answer(site.respond(
        &Method::GET,
        &"/index.html".parse().expect("a URI"),
        &HeaderMap::new(),
    ));
    assert_eq!(
        (answer.status(), answer.header("content-type")),
        (404, Some("text/plain; charset=utf-8"))
    );
}

#[test]
fn a_known_tag_is_a_304_until_the_file_changes() {
    let folder = Folder::new();
    let etag = folder
        .get("/", &[])
        .header("etag")
        .expect("a tag")
        .to_owned();
    assert!(etag.starts_with('"') && etag.len() == 34, "{etag}");
    for known in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"other\", {etag}"),
        "*".to_owned(),
    ] {
        let answer = folder.get("/", &[("if-none-match", &known)]);
        assert_eq!(
            (answer.status(), answer.header("etag")),
            (304, Some(etag.as_str())),
            "{known}"
        );
        assert_eq!(
            (answer.header("cache-control"), answer.header("vary")),
            (Some("no-cache"), Some("accept, accept-encoding"))
        );
        assert_eq!(answer.body(), b"");
    }
    folder.write("index.html", b"changed, and of another length");
    let answer = folder.get("/", &[("if-none-match", &etag)]);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body(), b"changed, and of another length");
}

#[test]
fn only_what_has_a_version_in_its_name_is_kept_forever() {
    let folder = Folder::new();
    let vendored = folder.get("/vendor/marked-18.2.1.js", &[]);
    assert_eq!(
        vendored.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(
        folder.get("/js/main.js", &[]).header("cache-control"),
        Some("no-cache")
    );
    assert_eq!(
        folder.get("/vendor/none.js", &[]).header("cache-control"),
        Some("no-cache")
    );
}

#[test]
fn the_encoding_that_the_client_prefers_is_sent_under_a_tag_of_its_own() {
    let folder = Folder::new();
    let mut etags = Vec::new();
    for (accepted, encoding, content) in [
        ("gzip, br", Some("br"), "brotli"),
        ("gzip;q=1, br;q=0.1", Some("gzip"), "gzip"),
        ("deflate", None, "export {};"),
        ("br;q=0", None, "export {};"),
    ] {
        let answer = folder.get("/js/main.js", &[("accept-encoding", accepted)]);
        assert_eq!(answer.header("content-encoding"), encoding, "{accepted}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/javascript; charset=utf-8")
        );
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        etags.push(answer.header("etag").expect("a tag").to_owned());
        assert_eq!(answer.body(), content.as_bytes(), "{accepted}");
    }
    assert!(etags[0] != etags[1] && etags[1] != etags[2] && etags[2] == etags[3]);
    assert_eq!(
        folder
            .get("/", &[("accept-encoding", "br")])
            .header("content-encoding"),
        None
    );
}

/// By a copy that keeps dates the source may be older than what was made of another version of it.
#[test]
fn an_encoding_made_of_another_version_is_not_sent_whatever_its_date() {
    let folder = Folder::new();
    folder.write("js/main.js", b"export default 1;");
    let source = File::options()
        .write(true)
        .open(folder.directory.path().join("static/js/main.js"))
        .expect("a file");
    source
        .set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH))
        .expect("a time");
    let answer = folder.get("/js/main.js", &[("accept-encoding", "br, gzip")]);
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.body(), b"export default 1;");
}

#[test]
fn a_condition_that_does_not_hold_is_a_412() {
    let folder = Folder::new();
    let etag = folder
        .get("/js/main.js", &[])
        .header("etag")
        .expect("a tag")
        .to_owned();
    for (wanted, status) in [
        (etag.clone(), 200),
        (format!("\"other\", {etag}"), 200),
        ("*".to_owned(), 200),
        (format!("W/{etag}"), 412),
        ("\"other\"".to_owned(), 412),
    ] {
        let answer = folder.get("/js/main.js", &[("if-match", &wanted)]);
        assert_eq!(answer.status(), status, "{wanted}");
    }
}

#[test]
fn one_range_is_a_part_of_small_and_large_files() {
    let folder = Folder::new();
    for (uri, length) in [("/", PAGE.len()), ("/large.bin", LARGE)] {
        let whole = folder.get(uri, &[]).body();
        assert_eq!(whole.len(), length);
        for (range, first, last) in [
            ("bytes=0-0".to_owned(), 0, 0),
            ("bytes=3-12".to_owned(), 3, 12),
            ("bytes=-5".to_owned(), length - 5, length - 1),
            (format!("bytes={}-", length - 7), length - 7, length - 1),
        ] {
            let answer = folder.get(uri, &[("range", &range)]);
            assert_eq!(answer.status(), 206, "{range}");
            assert_eq!(
                answer.header("content-range"),
                Some(format!("bytes {first}-{last}/{length}").as_str())
            );
            assert_eq!(answer.body(), &whole[first..=last], "{range}");
        }
        let beyond = folder.get(uri, &[("range", &format!("bytes={length}-"))]);
        assert_eq!(
            (beyond.status(), beyond.header("content-range")),
            (416, Some(format!("bytes */{length}").as_str()))
        );
        let several = folder.get(uri, &[("range", "bytes=0-1,3-4")]);
        assert_eq!(
            (several.status(), several.header("accept-ranges")),
            (200, Some("bytes"))
        );
        let other = folder.get(uri, &[("range", "bytes=0-1"), ("if-range", "\"other\"")]);
        assert_eq!(other.status(), 200);
    }
}

#[test]
fn a_head_is_the_get_without_its_body() {
    let folder = Folder::new();
    for uri in ["/dashboard", "/none", "/large.bin"] {
        let (get, head) = (folder.get(uri, &[]), folder.ask(Method::HEAD, uri, &[]));
        assert_eq!(
            (get.status(), get.0.headers()),
            (head.status(), head.0.headers()),
            "{uri}"
        );
        assert!(http_body::Body::is_end_stream(head.0.body()), "{uri}");
        let part = folder.ask(Method::HEAD, uri, &[("range", "bytes=0-1")]);
        assert_eq!(
            (part.status(), part.0.headers()),
            (get.status(), get.0.headers()),
            "a range is for GET: {uri}"
        );
    }
}

#[test]
fn other_methods_are_refused() {
    let folder = Folder::new();
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
    ] {
        let answer = folder.ask(method, "/", &[]);
        assert_eq!(
            (answer.status(), answer.header("allow")),
            (405, Some("GET, HEAD"))
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}
