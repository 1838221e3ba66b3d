//! Why a body is refused: a word for programs, the member, and a sentence for people.

use std::fmt;

/// What kind of fault a body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It is not JSON.
    InvalidJson,
    /// A member is missing, of a wrong type, or beyond a bound.
    InvalidRequest,
    /// An option is of a wrong type.
    InvalidOption,
}

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The kind of fault.
    pub code: Code,
    /// The member at fault, as a path (`messages[2].content`), where it is one.
    pub param: Option<String>,
    /// What is wrong and what was expected, as a sentence without a full stop.
    pub message: String,
}

impl Code {
    /// The word that stands in the answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidJson => "invalid_json",
            Code::InvalidRequest => "invalid_request",
            Code::InvalidOption => "invalid_option",
        }
    }
}

impl Invalid {
    pub(crate) fn request(param: Option<&str>, message: impl Into<String>) -> Invalid {
        Invalid {
            code: Code::InvalidRequest,
            param: param.map(str::to_owned),
            message: message.into(),
        }
    }

    pub(crate) fn no_json(message: String) -> Invalid {
        Invalid {
            code: Code::InvalidJson,
            param: None,
            message,
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}
