//! The embedded host: runs spin.toml with no Spin installed.
