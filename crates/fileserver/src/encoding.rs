//! Which of a file's encodings a client prefers.

use http::{HeaderMap, header};

/// The encoding of a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// The encodings that the client takes, best first; at equal weight brotli before gzip before none. `Identity` is
    /// always among them, since the alternative is no answer at all.
    pub(crate) fn preferred(headers: &HeaderMap) -> impl Iterator<Item = Self> + use<> {
        let accepted = Accepted::read(headers);
        let mut weighed = [Self::Brotli, Self::Gzip, Self::Identity]
            .map(|encoding| (accepted.weight(encoding), encoding));
        weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        weighed
            .into_iter()
            .filter(|(weight, encoding)| *weight > 0 || *encoding == Self::Identity)
            .map(|(_, encoding)| encoding)
    }

    /// The name in `content-encoding`.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// What the name of the encoded file ends with.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }
}

/// The weights that a client gave, in thousandths.
#[derive(Default)]
struct Accepted {
    brotli: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

impl Accepted {
    fn read(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        let values = headers
            .get_all(header::ACCEPT_ENCODING)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        for item in values.flat_map(|value| value.split(',')).take(MAX_CODINGS) {
            let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
            let weight = Some(weight(parameters));
            match coding.trim().to_ascii_lowercase().as_str() {
                "br" => accepted.brotli = weight,
                "gzip" | "x-gzip" => accepted.gzip = weight,
                "identity" => accepted.identity = weight,
                "*" => accepted.any = weight,
                _ => {}
            }
        }
        accepted
    }

    fn weight(&self, encoding: Encoding) -> u16 {
        match encoding {
            Encoding::Brotli => self.brotli.or(self.any).unwrap_or(0),
            Encoding::Gzip => self.gzip.or(self.any).unwrap_or(0),
            // Not named, it is acceptable, but every encoding that is named is wanted more.
            Encoding::Identity => self.identity.or(self.any).unwrap_or(1),
        }
    }
}

/// The weight of `;q=0.5`, in thousandths. None: 1. An unreadable one: 0, so that nothing is sent that was not asked for.
fn weight(parameters: &str) -> u16 {
    let weight = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    match weight.map(str::parse::<f32>) {
        None => 1000,
        Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => (weight * 1000.0) as u16,
        Some(_) => 0,
    }
}

/// There are three codings and an asterisk to find; nobody lists more than this.
const MAX_CODINGS: usize = 32;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::{
        Encoding::{Brotli, Gzip, Identity},
        *,
    };

    fn preferred(value: &str) -> Vec<Encoding> {
        let headers = HeaderMap::from_iter([(
            header::ACCEPT_ENCODING,
            HeaderValue::from_str(value).unwrap(),
        )]);
        Encoding::preferred(&headers).collect()
    }

    #[test]
    fn without_the_header_nothing_is_encoded() {
        assert_eq!(
            Encoding::preferred(&HeaderMap::new()).collect::<Vec<_>>(),
            [Identity]
        );
    }

    #[test]
    fn weights_decide_and_brotli_breaks_ties() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", &[Brotli, Gzip, Identity][..]),
            ("gzip;q=1.0, br;q=0.5", &[Gzip, Brotli, Identity]),
            ("GZIP ; Q=0.2", &[Gzip, Identity]),
            ("br;q=0, *", &[Gzip, Identity]),
            ("*;q=0", &[Identity]),
            ("identity, br;q=0.5", &[Identity, Brotli]),
            ("br;q=2, gzip;q=x", &[Identity]),
            ("br;q=NaN, gzip;q=-1", &[Identity]),
            ("", &[Identity]),
        ] {
            assert_eq!(preferred(value), expected, "{value}");
        }
    }
}
