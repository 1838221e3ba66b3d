//! Where things are: the repository, what a build leaves in it, where a run keeps its state.

use std::path::{Path, PathBuf};

use crate::build::WASM;

/// The repository that this program was built from.
pub(crate) struct Repo {
    root: PathBuf,
}

impl Repo {
    /// Finds the repository by the place of this package's manifest.
    pub(crate) fn locate() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            root: package.parent().unwrap_or(package).to_owned(),
        }
    }

    /// The folder that holds the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where everything is built, whatever `CARGO_TARGET_DIR` says: `spin.toml` names the
    /// components by their place below it.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Where the components are built: apart from the host, so that both are built at once.
    pub(crate) fn component_target(&self) -> PathBuf {
        self.target().join("components")
    }

    /// Where `spin.toml` looks for the components, and `spin build` leaves them.
    pub(crate) fn components(&self) -> PathBuf {
        self.target().join(WASM).join("release")
    }

    /// The chat component that panics when a test asks it to.
    pub(crate) fn trap_component(&self) -> PathBuf {
        self.target().join("test-trap/sluice.wasm")
    }

    /// A program of the workspace, built for this machine.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target().join("release").join(name)
    }

    /// The package of the browser tests.
    pub(crate) fn browser_tests(&self) -> PathBuf {
        self.root.join("tests/browser")
    }
}
