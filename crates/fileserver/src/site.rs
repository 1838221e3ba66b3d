//! What a request is answered with.

use std::{fs::File, io, path::PathBuf};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::{
    body::FileBody,
    encoding::Encoding,
    files::{Files, Found},
    greeting, media,
    path::{FilePath, Form},
    policy,
    range::Range,
};

/// A folder, served.
pub struct Site {
    files: Files,
}

/// Where a path leads.
enum Target {
    /// A file of this path (without its encoding).
    File(FilePath, Found),
    /// A directory that was asked for without the slash that its pages' links need.
    Directory,
    Nothing,
}

impl Site {
    /// The folder `root`.
    pub fn new(root: PathBuf) -> Self {
        Self {
            files: Files::new(root),
        }
    }

    /// Answers one request. A file that is there and cannot be read is a 500; nothing panics.
    pub fn respond(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<FileBody> {
        let mut response = match *method {
            Method::GET | Method::HEAD if greeting::is_asked_for(method, uri, headers) => {
                greeting::response()
            }
            Method::GET | Method::HEAD => {
                self.look_up(method, uri, headers).unwrap_or_else(|error| {
                    eprintln!("cannot read {}: {error}", uri.path());
                    plain(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "The file cannot be read.\n",
                    )
                })
            }
            _ => {
                let mut response =
                    plain(StatusCode::METHOD_NOT_ALLOWED, "This is only to be read.\n");
                response
                    .headers_mut()
                    .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                response
            }
        };
        policy::apply(response.headers_mut(), uri.path());
        if *method == Method::HEAD {
            *response.body_mut() = FileBody::empty();
        }
        response
    }

    fn look_up(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> io::Result<Response<FileBody>> {
        match self.target(uri.path(), headers)? {
            Target::File(_, found) if is_another(headers, &found.etag) => Ok(plain(
                StatusCode::PRECONDITION_FAILED,
                "The file is another one by now.\n",
            )),
            Target::File(path, found) => {
                let mut response = represent(method, &path, found, headers)?;
                if uri.path() == greeting::PATH {
                    let vary = HeaderValue::from_static("accept, accept-encoding");
                    response.headers_mut().insert(header::VARY, vary);
                }
                Ok(response)
            }
            Target::Directory => Ok(redirect(uri)),
            Target::Nothing => self.not_found(headers),
        }
    }

    fn target(&self, path: &str, headers: &HeaderMap) -> io::Result<Target> {
        let Some(path) = FilePath::parse(path) else {
            return Ok(Target::Nothing);
        };
        let candidates = match path.form() {
            Form::Directory => vec![path.index()],
            Form::Bare => vec![path.clone(), path.page()],
            Form::File => vec![path.clone()],
        };
        for candidate in candidates {
            if let Some(found) = self.files.find(&candidate, Encoding::preferred(headers))? {
                return Ok(Target::File(candidate, found));
            }
        }
        let directory = path.form() != Form::Directory && self.files.is_directory(&path);
        Ok(if directory {
            Target::Directory
        } else {
            Target::Nothing
        })
    }

    /// The site's own page for it, if it has one. It is never a 304 or a part.
    fn not_found(&self, headers: &HeaderMap) -> io::Result<Response<FileBody>> {
        let path = FilePath::not_found();
        let Some(found) = self.files.find(&path, Encoding::preferred(headers))? else {
            return Ok(plain(StatusCode::NOT_FOUND, "There is no such page.\n"));
        };
        let mut response = Response::new(content(&found, 0, found.length)?);
        *response.status_mut() = StatusCode::NOT_FOUND;
        describe(response.headers_mut(), &path, &found);
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, found.length.into());
        Ok(response)
    }
}

/// A file, or the part of it that is asked for, or that the client has it already.
fn represent(
    method: &Method,
    path: &FilePath,
    found: Found,
    headers: &HeaderMap,
) -> io::Result<Response<FileBody>> {
    let length = found.length;
    let (status, first, count) = if is_known(headers, &found.etag) {
        (StatusCode::NOT_MODIFIED, 0, 0)
    } else if *method != Method::GET {
        // A range means something to GET alone (RFC 9110, 14.2).
        (StatusCode::OK, 0, length)
    } else {
        match Range::read(headers, length, &found.etag) {
            Range::Whole => (StatusCode::OK, 0, length),
            Range::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
            Range::Unsatisfiable => return Ok(unsatisfiable(length)),
        }
    };
    let mut response = Response::new(content(&found, first, count)?);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    describe(fields, path, &found);
    fields.insert(header::ETAG, value(&found.etag)?);
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        fields.insert(
            header::CONTENT_RANGE,
            value(&format!("bytes {first}-{}/{length}", first + count - 1))?,
        );
    }
    if status != StatusCode::NOT_MODIFIED {
        fields.insert(header::CONTENT_LENGTH, count.into());
    }
    Ok(response)
}

/// What a representation is and how long it may be kept.
fn describe(fields: &mut HeaderMap, path: &FilePath, found: &Found) {
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media::content_type(path.as_str())),
    );
    if let Some(encoding) = found.encoding.name() {
        fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let keep = if path.is_vendored() {
        FOREVER
    } else {
        ASK_AGAIN
    };
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    fields.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
}

fn content(found: &Found, first: u64, count: u64) -> io::Result<FileBody> {
    match &found.bytes {
        Some(bytes) => {
            // The bytes are in memory, so their positions fit.
            let (first, count) = (first as usize, count as usize);
            Ok(FileBody::bytes(bytes.slice(first..first + count)))
        }
        None => FileBody::file(File::open(&found.path)?, first, count),
    }
}

/// Whether `if-none-match` names this tag. The comparison is weak, as it is for this header.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    tags(headers, header::IF_NONE_MATCH)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

/// Whether `if-match` is there and does not name this tag. The comparison is strong. (`if-unmodified-since` is not looked at,
/// as it is not where no modification date is told.)
fn is_another(headers: &HeaderMap, etag: &str) -> bool {
    headers.contains_key(header::IF_MATCH)
        && !tags(headers, header::IF_MATCH).any(|wanted| wanted == "*" || wanted == etag)
}

fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// To the same path with a slash at its end. It starts with one slash, so it leads to no other host.
fn redirect(uri: &Uri) -> Response<FileBody> {
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    match HeaderValue::try_from(format!("{}/{query}", uri.path())) {
        Ok(location) => {
            let mut response = plain(StatusCode::PERMANENT_REDIRECT, "");
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(_) => plain(StatusCode::NOT_FOUND, "There is no such page.\n"),
    }
}

fn unsatisfiable(length: u64) -> Response<FileBody> {
    let mut response = plain(StatusCode::RANGE_NOT_SATISFIABLE, "");
    if let Ok(range) = HeaderValue::try_from(format!("bytes */{length}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

/// A short answer of the server's own.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<FileBody> {
    let mut response = Response::new(FileBody::bytes(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    fields.insert(header::CONTENT_LENGTH, text.len().into());
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
    response
}

fn value(text: &str) -> io::Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(io::Error::other)
}

/// The name has a version: what it names never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Kept, but asked about each time; the answer is mostly a 304.
const ASK_AGAIN: &str = "no-cache";
