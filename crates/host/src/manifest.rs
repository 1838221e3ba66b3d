//! `spin.toml`, manifest version 2: the parts that this host acts on, checked. What it does not do it refuses by name;
//! what has no effect at run time (`[component.x.build]`, descriptions) is read over.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny},
};

use crate::Error;

/// A checked manifest.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The folder of the manifest: what its paths are relative to.
    pub(crate) root: PathBuf,
    /// The application's variables by name.
    pub(crate) variables: BTreeMap<String, Variable>,
    /// The HTTP triggers, in the order of the file. Each names a component that exists.
    pub(crate) triggers: Vec<HttpTrigger>,
    /// The components by id.
    pub(crate) components: BTreeMap<String, Component>,
}

/// A `[variables]` entry: either required or with a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// The value unless one is given.
    pub(crate) default: Option<String>,
    /// Whether one must be given.
    #[serde(default)]
    pub(crate) required: bool,
    /// This host puts no values into messages, secret or not.
    #[serde(rename = "secret", default)]
    _secret: bool,
    #[serde(rename = "description", default)]
    _description: IgnoredAny,
}

/// A `[[trigger.http]]` entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTrigger {
    #[serde(rename = "id", default)]
    _id: IgnoredAny,
    /// The id of the component that answers.
    pub(crate) component: String,
    /// `/exact`, `/prefix/...`, or `{ private = true }`.
    pub(crate) route: Route,
    executor: Option<Executor>,
}

/// The route of a trigger.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Route {
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
pub(crate) struct Component {
    /// The WebAssembly file, relative to the manifest.
    #[serde(deserialize_with = "local_file")]
    pub(crate) source: PathBuf,
    /// Variables as templates over the application's.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    /// The environment that the component sees.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// Files that the component can read.
    #[serde(default)]
    pub(crate) files: Vec<FileMount>,
    /// Origins that the component may send requests to, as templates.
    #[serde(default)]
    pub(crate) allowed_outbound_hosts: Vec<String>,
    /// Labels of the stores that the component may open.
    #[serde(default)]
    pub(crate) key_value_stores: Vec<String>,
    #[serde(rename = "description", default)]
    _description: IgnoredAny,
    #[serde(rename = "build", default)]
    _build: IgnoredAny,
    #[serde(rename = "tool", default)]
    _tool: IgnoredAny,
}

/// An entry of `files`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum FileMount {
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
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        let root = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Self::parse(&text, root).map_err(|reason| Error::File {
            path: path.to_owned(),
            reason,
        })
    }

    /// Checks the manifest `text`; `root` is what its paths are relative to.
    fn parse(text: &str, root: &Path) -> Result<Self, String> {
        let Version {
            spin_manifest_version: version,
        } = toml::from_str(text).map_err(|err| err.to_string())?;
        if version != 2 {
            return Err(format!(
                "spin_manifest_version is {version}, but only version 2 is known"
            ));
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
                return Err(format!(
                    "variable `{name}` must have either `default` or `required = true`"
                ));
            }
        }
        for trigger in &self.triggers {
            trigger.check(&self.components)?;
        }
        if self.triggers.is_empty() {
            return Err("there is no [[trigger.http]]".into());
        }
        Ok(())
    }
}

impl HttpTrigger {
    fn check(&self, components: &BTreeMap<String, Component>) -> Result<(), String> {
        let id = &self.component;
        if !components.contains_key(id) {
            return Err(format!(
                "a trigger names the component `{id}`, which does not exist"
            ));
        }
        if let Some(executor) = self
            .executor
            .as_ref()
            .filter(|executor| executor.kind != "http")
        {
            return Err(format!(
                "the executor `{}` of component `{id}` is not supported",
                executor.kind
            ));
        }
        if let Route::Private { private: false } = self.route {
            return Err(format!(
                "the route of component `{id}` must be a pattern or {{ private = true }}"
            ));
        }
        Ok(())
    }
}

/// Spin also takes components from URLs and registries.
fn local_file<'de, D: Deserializer<'de>>(source: D) -> Result<PathBuf, D::Error> {
    match toml::Value::deserialize(source)? {
        toml::Value::String(path) => Ok(path.into()),
        _ => Err(D::Error::custom(
            "`source` must be a file: components from URLs and registries are not supported",
        )),
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

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = 'a'\n";
    const TRIGGER: &str = "[[trigger.http]]\nroute = '/...'\ncomponent = 'a'\n";
    const COMPONENT: &str = "[component.a]\nsource = 'a.wasm'\n";

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(text, Path::new(""))
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = parse(text).unwrap_err();
        assert!(
            error.contains(expected),
            "expected {expected:?} in {error:?}"
        );
    }

    #[test]
    fn what_spin_build_and_people_need_is_read_over() {
        let text = format!(
            "{HEAD}description = 'd'\nauthors = ['x']\n{TRIGGER}id = 'i'\nexecutor = {{ type = 'http' }}\n{COMPONENT}\
             description = 'd'\n[component.a.build]\ncommand = 'cargo build'\nwatch = ['src']\n[component.a.tool.x]\ny = 1\n"
        );
        let manifest = parse(&text).unwrap();
        assert_eq!(manifest.components["a"].source, Path::new("a.wasm"));
    }

    #[test]
    fn both_forms_of_files_are_known() {
        let text = format!(
            "{HEAD}{TRIGGER}{COMPONENT}files = ['a/**', {{ source = 'static', destination = '/' }}]\n"
        );
        let files = &parse(&text).unwrap().components["a"].files;
        assert!(matches!(
            &files[..],
            [FileMount::Pattern(_), FileMount::Placement { .. }]
        ));
    }

    #[test]
    fn other_versions_are_refused() {
        refused("spin_manifest_version = 3\n", "version is 3");
        refused("[application]\nname = 'a'\n", "spin_manifest_version");
    }

    #[test]
    fn features_that_only_spin_has_are_refused_by_name() {
        refused(
            &format!("{HEAD}{TRIGGER}{COMPONENT}sqlite_databases = ['default']\n"),
            "sqlite_databases",
        );
        refused(
            &format!("{HEAD}{TRIGGER}[component.a]\nsource = {{ url = 'u', digest = 'd' }}\n"),
            "URLs and registries",
        );
        refused(
            &format!("{HEAD}[[trigger.redis]]\nchannel = 'c'\ncomponent = 'a'\n{COMPONENT}"),
            "redis",
        );
        refused(
            &format!("{HEAD}{TRIGGER}executor = {{ type = 'wagi' }}\n{COMPONENT}"),
            "wagi",
        );
    }

    #[test]
    fn a_variable_is_either_required_or_has_a_default() {
        for variable in [
            "{}",
            "{ required = true, default = 'd' }",
            "{ required = false }",
        ] {
            refused(
                &format!("{HEAD}[variables]\nv = {variable}\n{TRIGGER}{COMPONENT}"),
                "variable `v`",
            );
        }
    }

    #[test]
    fn triggers_name_components_that_exist() {
        refused(&format!("{HEAD}{TRIGGER}"), "`a`, which does not exist");
        refused(
            &format!("{HEAD}[trigger]\n{COMPONENT}"),
            "no [[trigger.http]]",
        );
    }
}
