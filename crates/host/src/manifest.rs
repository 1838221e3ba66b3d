//! `spin.toml`, manifest version 2: the parts that this host acts on, checked. What it does not do it refuses by name;
//! what has no effect at run time (`[component.x.build]`, descriptions) is read over.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::IgnoredAny};

use crate::Error;

/// A checked manifest.
#[derive(Debug)]
pub struct Manifest {
    /// The folder of the manifest: what its paths are relative to.
    pub root: PathBuf,
    /// The application's variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// The HTTP triggers, in the order of the file. Each names a component that exists.
    pub triggers: Vec<HttpTrigger>,
    /// The components by id.
    pub components: BTreeMap<String, Component>,
}

/// A `[variables]` entry: either required or with a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The value unless one is given.
    pub default: Option<String>,
    /// Whether one must be given.
    #[serde(default)]
    pub required: bool,
    /// This host puts no values into messages, secret or not.
    #[serde(rename = "secret", default)]
    _secret: bool,
    #[serde(rename = "description", default)]
    _description: IgnoredAny,
}

/// A `[[trigger.http]]` entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTrigger {
    #[serde(rename = "id", default)]
    _id: IgnoredAny,
    /// The id of the component that answers.
    pub component: String,
    /// `/exact`, `/prefix/...`, or `{ private = true }`.
    pub route: Route,
    executor: Option<Executor>,
}

/// The route of a trigger.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Route {
    /// A pattern that requests are matched with.
    Public(String),
    /// No request from outside reaches the component.
    Private {
        /// Always true.
        private: bool,
    },
}

/// A `[component.x]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// The WebAssembly file.
    pub source: Source,
    /// Variables as templates over the application's.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// The environment that the component sees.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Files that the component can read.
    #[serde(default)]
    pub files: Vec<FileMount>,
    /// Origins that the component may send requests to, as templates.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    /// Labels of the stores that the component may open.
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(rename = "description", default)]
    _description: IgnoredAny,
    #[serde(rename = "build", default)]
    _build: IgnoredAny,
    #[serde(rename = "tool", default)]
    _tool: IgnoredAny,
}

/// Where a component's code is.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// A file, relative to the manifest.
    File(PathBuf),
    /// A URL or registry package; refused.
    Remote(toml::Table),
}

/// An entry of `files`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum FileMount {
    /// `"a/**"`: files under the manifest's folder, at the same path below `/`.
    Pattern(String),
    /// A folder or file at a place of its own.
    Placement {
        /// Relative to the manifest.
        source: PathBuf,
        /// Absolute, in the component's file system.
        destination: String,
    },
}

impl Manifest {
    /// Reads and checks the manifest at `path`.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let root = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::parse(&text, root).map_err(|reason| Error::Manifest { path: path.to_owned(), reason })
    }

    /// Checks the manifest `text`; `root` is what its paths are relative to.
    fn parse(text: &str, root: &Path) -> Result<Self, String> {
        let Version { spin_manifest_version: version } = toml::from_str(text).map_err(|err| err.to_string())?;
        if version != 2 {
            return Err(format!("spin_manifest_version is {version}, but only version 2 is known"));
        }
        let file: File = toml::from_str(text).map_err(|err| err.to_string())?;
        let manifest = Self {
            root: root.to_owned(),
            variables: file.variables,
            triggers: file.trigger.http,
            components: file.component,
        };
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        for (name, variable) in &self.variables {
            if variable.required == variable.default.is_some() {
                return Err(format!("variable `{name}` must have either `default` or `required = true`"));
            }
        }
        for trigger in &self.triggers {
            trigger.check(&self.components)?;
        }
        if self.triggers.is_empty() {
            return Err("there is no [[trigger.http]]".into());
        }
        for (id, component) in &self.components {
            component.check().map_err(|reason| format!("component `{id}`: {reason}"))?;
        }
        Ok(())
    }
}

impl HttpTrigger {
    fn check(&self, components: &BTreeMap<String, Component>) -> Result<(), String> {
        let id = &self.component;
        if !components.contains_key(id) {
            return Err(format!("a trigger names the component `{id}`, which does not exist"));
        }
        if let Some(executor) = self.executor.as_ref().filter(|executor| executor.kind != "http") {
            return Err(format!("the executor `{}` of component `{id}` is not supported", executor.kind));
        }
        if let Route::Private { private: false } = self.route {
            return Err(format!("the route of component `{id}` must be a pattern or {{ private = true }}"));
        }
        Ok(())
    }
}

impl Component {
    fn check(&self) -> Result<(), String> {
        if let Source::Remote(_) = self.source {
            return Err("`source` must be a file: components from URLs and registries are not supported".into());
        }
        Ok(())
    }
}

/// Only the default, `{ type = "http" }`, is known here.
#[derive(Debug, Deserialize)]
struct Executor {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Version {
    spin_manifest_version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "spin_manifest_version")]
    _version: i64,
    #[serde(rename = "application")]
    _application: IgnoredAny,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    trigger: Triggers,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Triggers {
    #[serde(default)]
    http: Vec<HttpTrigger>,
}
