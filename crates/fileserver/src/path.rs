//! From the path of a request to the path of a file, and nowhere else.

use percent_encoding::percent_decode_str;

/// A path below the mount: segments that are plain names, joined by `/`, without one at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePath {
    path: String,
    form: Form,
}

/// How a path was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/` or `/a/b/`
    Directory,
    /// `/a/b`: a page or a directory, whichever is there.
    Bare,
    /// `/a/b.c`
    File,
}

impl FilePath {
    /// Reads the path of a request, as it was sent. `None`: no file can have this path.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        if raw.len() > MAX_LENGTH {
            return None;
        }
        let raw = raw.strip_prefix('/')?;
        if raw.is_empty() {
            return Some(Self {
                path: String::new(),
                form: Form::Directory,
            });
        }
        let (names, form) = match raw.strip_suffix('/') {
            Some(names) => (names, Form::Directory),
            None => (raw, Form::Bare),
        };
        let mut path = String::new();
        for name in names.split('/') {
            // Decoded after it was split: an encoded slash stays in the name, and a name with one is refused.
            let name = percent_decode_str(name).decode_utf8().ok()?;
            if !is_plain(&name) {
                return None;
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&name);
        }
        let has_extension = path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.contains('.'));
        let form = if form == Form::Bare && has_extension {
            Form::File
        } else {
            form
        };
        Some(Self { path, form })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.path
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Whether the name carries a version, so that the file never changes.
    pub(crate) fn is_vendored(&self) -> bool {
        self.path.starts_with("vendor/")
    }

    /// The index of this directory.
    pub(crate) fn index(&self) -> Self {
        let path = if self.path.is_empty() {
            INDEX.to_owned()
        } else {
            format!("{}/{INDEX}", self.path)
        };
        Self {
            path,
            form: Form::File,
        }
    }

    /// The page of this bare name.
    pub(crate) fn page(&self) -> Self {
        Self {
            path: format!("{}.html", self.path),
            form: Form::File,
        }
    }

    /// The page for what is not there.
    pub(crate) fn not_found() -> Self {
        Self {
            path: "404.html".to_owned(),
            form: Form::File,
        }
    }
}

/// Whether a name is one that is served: no hidden file, no way up (both start with a dot), no file that is only the
/// compressed form of another, and nothing that a file system takes for a separator or an end.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.ends_with(".br")
        && !name.ends_with(".gz")
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\'))
}

/// No file of the site has a path as long as this.
const MAX_LENGTH: usize = 1024;

const INDEX: &str = "index.html";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Option<(String, Form)> {
        FilePath::parse(raw).map(|path| (path.path, path.form))
    }

    #[test]
    fn plain_paths_are_taken_as_they_are() {
        assert_eq!(parse("/"), Some((String::new(), Form::Directory)));
        assert_eq!(parse("/docs/"), Some(("docs".into(), Form::Directory)));
        assert_eq!(parse("/dashboard"), Some(("dashboard".into(), Form::Bare)));
        assert_eq!(
            parse("/js/main.js"),
            Some(("js/main.js".into(), Form::File))
        );
        assert_eq!(parse("/a.b/c"), Some(("a.b/c".into(), Form::Bare)));
        assert_eq!(
            parse("/caf%C3%A9%20au/lait.txt"),
            Some(("café au/lait.txt".into(), Form::File))
        );
    }

    #[test]
    fn no_path_leaves_the_mount() {
        for raw in [
            "",
            "x",
            "//",
            "//etc/passwd",
            "/a//b",
            "/a//",
            "/..",
            "/../x",
            "/a/../b",
            "/a/..",
            "/./a",
            "/%2e%2e/x",
            "/%2E./x",
            "/a%2fb",
            "/..%2fx",
            "/%2f%2fx",
            "/a%5cb",
            "/..\\x",
            "/a%00",
            "/a%0a",
            "/%c0%ae%c0%ae/x",
            "/%ff",
        ] {
            assert_eq!(parse(raw), None, "{raw}");
        }
        assert_eq!(
            parse("/%252e%252e/x"),
            Some(("%2e%2e/x".into(), Form::Bare))
        );
    }

    #[test]
    fn hidden_and_compressed_files_are_not_served_by_name() {
        for raw in [
            "/.env",
            "/.git/config",
            "/a/.hidden",
            "/js/main.js.br",
            "/js/main.js.gz",
            "/js/main.js.b%72",
            "/x.br/y",
        ] {
            assert_eq!(parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn a_path_has_a_bound() {
        assert!(parse(&format!("/{}", "a".repeat(MAX_LENGTH - 1))).is_some());
        assert!(parse(&format!("/{}", "a".repeat(MAX_LENGTH))).is_none());
    }
}
