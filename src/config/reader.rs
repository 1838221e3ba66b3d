//! Reads the variables row by row, and gathers what is wrong with them.

use std::fmt;

use super::form::Form;

/// A variable that cannot be used, or of which something should be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub variable: String,
    /// What is wrong with it and what was expected; it never quotes a secret.
    pub problem: String,
}

/// Why there are no settings: every fault that was found, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfigured(pub Vec<Fault>);

/// The name of a row for the upstream with this number, counted from 1: the first one's have no number, the others end in it
/// without an underscore, since Spin refuses a name in which a word begins with a digit.
pub(super) fn name_of(name: &str, number: usize) -> String {
    match number {
        1 => name.to_owned(),
        _ => format!("{name}{number}"),
    }
}

/// One setting, as all but its type tell it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), allow(dead_code, reason = "some is for the files alone"))]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// What it was called in the release before.
    pub(super) was: Option<&'static str>,
    pub(super) default: &'static str,
    pub(super) since: &'static str,
    pub(super) what: &'static str,
}

/// What is said of a variable: its text, nothing where it is not defined, or why it could not be read.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Result<Option<String>, String>;

/// Takes one setting after another.
pub(super) struct Reader<'a> {
    lookup: Lookup<'a>,
    faults: Vec<Fault>,
    undefined: Vec<String>,
    renamed: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: Lookup<'a>) -> Reader<'a> {
        Reader {
            lookup,
            faults: Vec::new(),
            undefined: Vec::new(),
            renamed: Vec::new(),
        }
    }

    /// The value of a row for the upstream with this number; where the variable is at fault, one that nobody will see.
    pub(super) fn take<T: Default + 'static>(
        &mut self,
        row: &Row,
        number: usize,
        form: &Form<T>,
    ) -> T {
        let name = name_of(row.name, number);
        let read = match (self.lookup)(&name) {
            Ok(Some(text)) => form.read(&text),
            Ok(None) => self.take_undefined(&name, row, number, form),
            Err(error) => Err(format!("cannot be read: {error}")),
        };
        read.unwrap_or_else(|problem| {
            self.fault(&name, problem);
            T::default()
        })
    }

    /// Who has a manifest of an older release defines the old name, or none at all.
    fn take_undefined<T: 'static>(
        &mut self,
        name: &str,
        row: &Row,
        number: usize,
        form: &Form<T>,
    ) -> Result<T, String> {
        let old = row.was.map(|was| name_of(was, number));
        if let Some(old) = old
            && let Ok(Some(text)) = (self.lookup)(&old)
        {
            self.renamed.push(Fault {
                problem: format!("is called {name} now; the next release reads that name alone"),
                variable: old,
            });
            return form.read(&text);
        }
        self.undefined.push(name.to_owned());
        form.read(if number == 1 { row.default } else { "" })
    }

    /// Something is wrong with a variable. One that could not be read is not also reported for what follows from that.
    pub(super) fn fault(&mut self, variable: &str, problem: String) {
        if self.faults.iter().all(|fault| fault.variable != variable) {
            self.faults.push(Fault {
                variable: variable.to_owned(),
                problem,
            });
        }
    }

    /// Whether something is wrong with a variable.
    pub(super) fn has_fault(&self, variable: &str) -> bool {
        self.faults.iter().any(|fault| fault.variable == variable)
    }

    /// What should be known of the variables, or their faults.
    pub(super) fn finish(self) -> Result<Vec<Fault>, Misconfigured> {
        if !self.faults.is_empty() {
            return Err(Misconfigured(self.faults));
        }
        let undefined = self.undefined.into_iter().map(|variable| Fault {
            variable,
            problem: "is not defined in the manifest: its default holds".to_owned(),
        });
        Ok(self.renamed.into_iter().chain(undefined).collect())
    }
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", fault.variable, fault.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for Misconfigured {}
