//! Reads the variables row by row, and gathers what is wrong with them.

use super::form::Form;

/// A variable that cannot be used, or of which something should be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub variable: String,
    /// What is wrong with it and what was expected, for everybody: it quotes no value.
    pub problem: String,
    /// What its provider said, for the log and an operator: there may be addresses in it.
    pub cause: Option<String>,
}

impl Fault {
    /// One without a provider's word.
    pub fn new(variable: impl Into<String>, problem: impl Into<String>) -> Fault {
        Fault {
            variable: variable.into(),
            problem: problem.into(),
            cause: None,
        }
    }
}

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
    /// What should be known of variables that can be used.
    told: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: Lookup<'a>) -> Reader<'a> {
        Reader {
            lookup,
            faults: Vec::new(),
            undefined: Vec::new(),
            told: Vec::new(),
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
            Err(cause) => {
                self.faults.push(Fault {
                    cause: Some(cause),
                    ..Fault::new(&name, "cannot be read from its provider")
                });
                return T::default();
            }
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
            let problem = format!("is called {name} now; the next release reads that name alone");
            self.told(old, problem);
            return form.read(&text);
        }
        self.undefined.push(name.to_owned());
        form.read(if number == 1 { row.default } else { "" })
    }

    /// Something is wrong with a variable. One that could not be read is not also reported for what follows from that.
    pub(super) fn fault(&mut self, variable: &str, problem: String) {
        if self.faults.iter().all(|fault| fault.variable != variable) {
            self.faults.push(Fault::new(variable, problem));
        }
    }

    /// Something should be known of a variable that can be used.
    pub(super) fn told(&mut self, variable: String, problem: String) {
        self.told.push(Fault::new(variable, problem));
    }

    /// Whether something is wrong with a variable.
    pub(super) fn has_fault(&self, variable: &str) -> bool {
        self.faults.iter().any(|fault| fault.variable == variable)
    }

    /// What should be known of the variables, or their faults.
    pub(super) fn finish(self) -> Result<Vec<Fault>, Vec<Fault>> {
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let told = "is not defined in the manifest: its default holds";
        let undefined = self.undefined.into_iter();
        let undefined = undefined.map(|variable| Fault::new(variable, told));
        Ok(self.told.into_iter().chain(undefined).collect())
    }
}
