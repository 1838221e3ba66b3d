//! Why an upstream gave no answer, or not the whole one.

use std::fmt;

use sluice_ollama::framing::LineTooLong;
use spin_sdk::wasip3::http::types::ErrorCode;

use crate::http::log::Line;
use crate::http::refuse::Refusal;

/// Why an upstream gave no answer, or not the whole one. The codes are for the log.
#[derive(Clone, Debug)]
pub enum UpstreamError {
    /// No connection: nothing was sent.
    Unreachable(ErrorCode),
    /// The host makes no more connections: its own limit, and no upstream's fault.
    OwnLimit,
    /// Nothing came within a time-out.
    TimedOut(ErrorCode),
    /// The host does not allow this address, or there is no such upstream.
    Denied,
    /// The connection broke, or what came was not HTTP.
    Broken(ErrorCode),
    /// The answer had a head and nothing else.
    Empty,
    /// What came was no stream of lines.
    LineTooLong(LineTooLong),
}

impl UpstreamError {
    /// The request's own time is over.
    pub fn out_of_time() -> UpstreamError {
        UpstreamError::TimedOut(ErrorCode::HttpResponseTimeout)
    }

    /// Tells the operator. The cause of a failure is not for the client.
    pub fn log(&self, upstream: u8) {
        Line::new("upstream_error")
            .with("upstream", upstream)
            .with("error", self.to_string())
            .write();
    }

    /// Whether another try could go better, given that no byte was relayed and there is time left.
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            UpstreamError::Unreachable(_)
            | UpstreamError::OwnLimit
            | UpstreamError::TimedOut(_)
            | UpstreamError::Broken(_)
            | UpstreamError::Empty => true,
            UpstreamError::Denied | UpstreamError::LineTooLong(_) => false,
        }
    }

    /// Whether the upstream may go on for a moment: it was left, and did not end.
    pub fn leaves_it_at_work(&self) -> bool {
        matches!(
            self,
            UpstreamError::TimedOut(_) | UpstreamError::LineTooLong(_)
        )
    }

    /// Whether it says that the upstream is not well, to be counted by its breaker.
    pub fn is_upstreams_fault(&self) -> bool {
        match self {
            UpstreamError::OwnLimit | UpstreamError::Denied | UpstreamError::LineTooLong(_) => {
                false
            }
            UpstreamError::Unreachable(_)
            | UpstreamError::TimedOut(_)
            | UpstreamError::Broken(_)
            | UpstreamError::Empty => true,
        }
    }
}

impl From<ErrorCode> for UpstreamError {
    fn from(code: ErrorCode) -> UpstreamError {
        match code {
            ErrorCode::DnsTimeout
            | ErrorCode::DnsError(_)
            | ErrorCode::DestinationNotFound
            | ErrorCode::DestinationUnavailable
            | ErrorCode::DestinationIpUnroutable
            | ErrorCode::ConnectionRefused
            | ErrorCode::ConnectionTimeout
            | ErrorCode::TlsProtocolError
            | ErrorCode::TlsCertificateError
            | ErrorCode::TlsAlertReceived(_) => UpstreamError::Unreachable(code),
            ErrorCode::ConnectionLimitReached => UpstreamError::OwnLimit,
            ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout => UpstreamError::TimedOut(code),
            ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
                UpstreamError::Denied
            }
            _ => UpstreamError::Broken(code),
        }
    }
}

impl From<LineTooLong> for UpstreamError {
    fn from(error: LineTooLong) -> UpstreamError {
        UpstreamError::LineTooLong(error)
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpstreamError::Unreachable(code) => write!(f, "no connection: {code}"),
            UpstreamError::OwnLimit => f.write_str("the host makes no more connections"),
            UpstreamError::TimedOut(code) => write!(f, "no answer in time: {code}"),
            UpstreamError::Denied => f.write_str("the host does not allow this upstream"),
            UpstreamError::Broken(code) => write!(f, "the answer broke off: {code}"),
            UpstreamError::Empty => f.write_str("the answer had a head and nothing else"),
            UpstreamError::LineTooLong(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UpstreamError {}

impl From<&UpstreamError> for Refusal {
    fn from(error: &UpstreamError) -> Refusal {
        match error {
            UpstreamError::Unreachable(_) => Refusal::UpstreamDown { retry_after: None },
            UpstreamError::OwnLimit => Refusal::Overloaded,
            UpstreamError::TimedOut(_) => Refusal::UpstreamTimeout,
            UpstreamError::Denied => Refusal::Misconfigured,
            UpstreamError::Broken(_) | UpstreamError::Empty | UpstreamError::LineTooLong(_) => {
                Refusal::UpstreamError
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_the_host_is_no_upstreams_fault_and_told_as_our_own() {
        let own = UpstreamError::from(ErrorCode::ConnectionLimitReached);
        assert!(!own.is_upstreams_fault() && own.is_worth_a_retry());
        assert_eq!(Refusal::from(&own), Refusal::Overloaded);
        for code in [ErrorCode::ConnectionRefused, ErrorCode::ConnectionTimeout] {
            assert!(UpstreamError::from(code).is_upstreams_fault());
        }
    }
}
