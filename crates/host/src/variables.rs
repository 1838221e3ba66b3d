//! Application variables: their values, and the `{{ name }}` templates over them.
//!
//! Everything is resolved once, at start. A value comes from `--variable`, else from `SPIN_VARIABLE_NAME` in the
//! environment, else from the manifest's default. Values appear in no message and in no `Debug` output, since any of them
//! may be a secret.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use wasmtime::component::{Accessor, HasData};

use crate::{bindings::spin::variables::variables as bindings, manifest::Variable};

/// The values of the application's variables.
pub(crate) struct Variables {
    values: BTreeMap<String, String>,
}

impl Variables {
    /// Resolves every declared variable. The error names all that have no value, and any given name that is not declared.
    pub(crate) fn resolve(
        declared: &BTreeMap<String, Variable>,
        given: &BTreeMap<String, String>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
            return Err(format!("the manifest has no variable `{unknown}`"));
        }
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, variable) in declared {
            check_name(name)?;
            let value = given
                .get(name)
                .or_else(|| environment.get(&environment_name(name)))
                .or(variable.default.as_ref());
            match value {
                Some(value) => {
                    values.insert(name.clone(), value.clone());
                }
                None => missing.push(format!(
                    "`{name}` (--variable {name}=… or {}=…)",
                    environment_name(name)
                )),
            }
        }
        if missing.is_empty() {
            Ok(Self { values })
        } else {
            Err(format!("no value for {}", missing.join(", ")))
        }
    }

    /// Replaces each `{{ name }}` in `template` by the variable's value.
    pub(crate) fn expand(&self, template: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (name, tail) = after
                .split_once("}}")
                .ok_or_else(|| format!("unmatched `{{{{` in `{template}`"))?;
            let name = name.trim();
            let value = self
                .values
                .get(name)
                .ok_or_else(|| format!("unknown variable `{name}` in `{template}`"))?;
            expanded.push_str(literal);
            expanded.push_str(value);
            rest = tail;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// The values that one component sees under the names it gave them.
    pub(crate) fn for_component(
        &self,
        templates: &BTreeMap<String, String>,
    ) -> Result<ComponentVariables, String> {
        let mut values = HashMap::with_capacity(templates.len());
        for (name, template) in templates {
            check_name(name)?;
            values.insert(name.clone(), self.expand(template)?);
        }
        Ok(ComponentVariables { values })
    }
}

/// What one component gets from `spin:variables`.
pub(crate) struct ComponentVariables {
    values: HashMap<String, String>,
}

impl ComponentVariables {
    /// The value of `name`, if the component declares it.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// Whether `template` has something to expand.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// Spin's rule for names: lower-case letters, digits and single underscores, from a letter to a letter or digit. It makes
/// the name of the environment variable unambiguous.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins_with_a_letter = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let ok = name.split('_').all(begins_with_a_letter) && name.chars().all(allowed);
    if ok {
        Ok(())
    } else {
        Err(format!(
            "`{name}` is not a variable's name: words of lower-case letters and digits, each beginning with a letter, with single underscores between them are"
        ))
    }
}

fn environment_name(variable: &str) -> String {
    format!("SPIN_VARIABLE_{}", variable.to_ascii_uppercase())
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl fmt::Debug for ComponentVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Names the part of the instance that `spin:variables@3.0.0` works on: the component's variables.
pub(crate) struct HasVariables;

impl HasData for HasVariables {
    type Data<'a> = &'a ComponentVariables;
}

impl bindings::Host for &ComponentVariables {}

impl<T: Send> bindings::HostWithStore<T> for HasVariables {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, bindings::Error>> {
        if let Err(reason) = check_name(&name) {
            return Ok(Err(bindings::Error::InvalidName(reason)));
        }
        let value = accessor.with(|mut access| access.get().value(&name).map(str::to_owned));
        Ok(value.ok_or_else(|| {
            bindings::Error::Undefined(format!("the component has no variable `{name}`"))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    fn declared(text: &str) -> BTreeMap<String, Variable> {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_default() {
        let declared = declared("v = { default = 'default' }");
        let environment = map(&[("SPIN_VARIABLE_V", "environment"), ("V", "no")]);
        let value = |given: &[(&str, &str)], environment: &BTreeMap<_, _>| {
            Variables::resolve(&declared, &map(given), environment)
                .unwrap()
                .expand("{{ v }}")
                .unwrap()
        };
        assert_eq!(value(&[("v", "flag")], &environment), "flag");
        assert_eq!(value(&[], &environment), "environment");
        assert_eq!(value(&[], &BTreeMap::new()), "default");
    }

    #[test]
    fn an_empty_value_is_a_value() {
        let declared = declared("v = { default = 'default' }");
        let variables = Variables::resolve(
            &declared,
            &BTreeMap::new(),
            &map(&[("SPIN_VARIABLE_V", "")]),
        )
        .unwrap();
        assert_eq!(variables.expand("<{{v}}>").unwrap(), "<>");
    }

    #[test]
    fn all_missing_values_are_named() {
        let declared = declared("one = { required = true }\ntwo = { required = true }");
        let error = Variables::resolve(&declared, &BTreeMap::new(), &BTreeMap::new()).unwrap_err();
        assert!(
            error.contains("`one`")
                && error.contains("`two`")
                && error.contains("SPIN_VARIABLE_TWO"),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_flag_is_an_error() {
        let error = Variables::resolve(&BTreeMap::new(), &map(&[("v", "x")]), &BTreeMap::new())
            .unwrap_err();
        assert!(error.contains("`v`"), "{error}");
    }

    #[test]
    fn a_component_sees_its_own_names_only() {
        let declared = declared("host = { default = 'h' }\nport = { default = '1' }");
        let variables = Variables::resolve(&declared, &BTreeMap::new(), &BTreeMap::new()).unwrap();
        let component = variables
            .for_component(&map(&[
                ("url", "http://{{ host }}:{{port}}/"),
                ("fixed", "f"),
            ]))
            .unwrap();
        assert_eq!(component.value("url"), Some("http://h:1/"));
        assert_eq!(component.value("fixed"), Some("f"));
        assert_eq!(component.value("host"), None);
    }

    #[test]
    fn malformed_templates_and_names_are_errors() {
        let variables =
            Variables::resolve(&BTreeMap::new(), &BTreeMap::new(), &BTreeMap::new()).unwrap();
        assert!(variables.expand("{{ open").is_err());
        assert!(variables.expand("{{ unknown }}").is_err());
        for name in [
            "",
            "A",
            "a-b",
            "a__b",
            "a_",
            "_a",
            "1a",
            "a_1",
            "ollama_host_2",
            "ä",
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["a", "a1", "a_b", "ollama_host2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn values_do_not_show_in_debug_output() {
        let declared = declared("key = { default = 'hunter2' }");
        let variables = Variables::resolve(&declared, &BTreeMap::new(), &BTreeMap::new()).unwrap();
        let component = variables
            .for_component(&map(&[("key", "{{ key }}")]))
            .unwrap();
        assert!(!format!("{variables:?} {component:?}").contains("hunter2"));
    }
}
