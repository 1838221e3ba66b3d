//! The Ollama that the gate stands before: how its address is written, and what it answers.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail};

/// An address of Ollama, split the way that Spin needs it: an entry of `allowed_outbound_hosts`
/// must not have a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// Scheme, host and port: `http://127.0.0.1:11434`.
    pub(crate) origin: String,
    /// What stands before `/api/…`: empty, or `/ollama`.
    pub(crate) base_path: String,
}

/// What was learnt by asking an upstream.
pub(crate) enum Probe {
    /// It is an Ollama, with this version and these models.
    Found {
        version: String,
        models: Vec<String>,
    },
    /// It was not asked, since it speaks TLS and this program does not.
    NotAsked,
    /// Nothing answered, or not like an Ollama.
    Absent(String),
}

impl FromStr for Upstream {
    type Err = Error;

    /// Takes an URL, or what Ollama itself takes in `OLLAMA_HOST`: `host`, `host:port`, `:port`, an IPv6 address with or
    /// without brackets, all of it in quotes. Without a scheme the port is 11434; an address to listen on everywhere is reached
    /// locally. A port that is none is an error, where Ollama takes its own: the gate is not to stand before another server
    /// than was meant.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim().trim_matches(['"', '\'']).trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => (String::new(), text),
        };
        let default_port = match scheme.as_str() {
            "" => ":11434",
            "http" | "https" => "",
            other => bail!("{text:?}: http or https was expected, not {other}"),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains(['@', '?', '#']) || path.contains(['?', '#']) {
            bail!("{text:?}: an address of Ollama has no user, query or fragment");
        }
        let (host, port) = split_port(authority);
        if !port.is_empty() && port.parse::<u16>().is_err() {
            bail!("{text:?}: {port} is no port");
        }
        let host = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() => "127.0.0.1".to_owned(),
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(address)) => address.to_string(),
            Err(_) if host.is_empty() => "127.0.0.1".to_owned(),
            Err(_) => host.to_owned(),
        };
        let port = if port.is_empty() {
            default_port.to_owned()
        } else {
            format!(":{port}")
        };
        let scheme = if scheme.is_empty() { "http" } else { &scheme };
        let path = path.trim_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        Ok(Self {
            origin: format!("{scheme}://{host}{port}"),
            base_path: format!("{slash}{path}"),
        })
    }
}

impl Upstream {
    /// Asks for the version and the models. Takes at most [`PROBE_LIMIT`] after the name of the
    /// host is resolved.
    pub(crate) fn probe(&self) -> Probe {
        self.probe_within(PROBE_LIMIT)
    }

    fn probe_within(&self, limit: Duration) -> Probe {
        let Some(authority) = self.origin.strip_prefix("http://") else {
            return Probe::NotAsked;
        };
        match self.ask(authority, Instant::now() + limit) {
            Ok((version, models)) => Probe::Found { version, models },
            // What the system says comes with a number that tells nobody anything.
            Err(error) if error.raw_os_error().is_some() => Probe::Absent(error.kind().to_string()),
            Err(error) => Probe::Absent(error.to_string()),
        }
    }

    fn ask(&self, authority: &str, deadline: Instant) -> io::Result<(String, Vec<String>)> {
        let get = |path: &str| get(authority, &format!("{}{path}", self.base_path), deadline);
        let version = get("/api/version")?;
        let Some(version) = version["version"].as_str() else {
            return Err(io::Error::other("what answers there is no Ollama"));
        };
        let tags = get("/api/tags")?;
        let models = tags["models"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let names = models.iter().filter_map(|model| model["name"].as_str());
        Ok((version.to_owned(), names.map(str::to_owned).collect()))
    }
}

/// How long an upstream may take to tell about itself.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// The longest answer that is read: a list of some thousand models.
const ANSWER_LIMIT: u64 = 4 * 1024 * 1024;

/// Splits a port off; `[::1]:80` has one, `[::1]` and `::1` have none.
fn split_port(authority: &str) -> (&str, &str) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && authority.parse::<Ipv6Addr>().is_err() => {
            (host, port)
        }
        _ => (authority, ""),
    }
}

/// One GET, as HTTP/1.0: the answer is then neither chunked nor followed by another.
fn get(authority: &str, path: &str, deadline: Instant) -> io::Result<serde_json::Value> {
    let port = if split_port(authority).1.is_empty() {
        ":80"
    } else {
        ""
    };
    let addresses = format!("{authority}{port}").to_socket_addrs()?.collect();
    let mut stream = connect(addresses, deadline)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    let head =
        format!("GET {path} HTTP/1.0\r\nhost: {authority}\r\naccept: application/json\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    let mut reader = Timed { stream, deadline }.take(ANSWER_LIMIT);
    reader.read_to_end(&mut answer)?;
    let Some(head_end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Err(io::Error::other("the answer is not HTTP"));
    };
    let head = String::from_utf8_lossy(&answer[..head_end]);
    let status = head.split_ascii_whitespace().nth(1).unwrap_or_default();
    if status != "200" {
        return Err(io::Error::other(format!("it answered {status} to {path}")));
    }
    Ok(serde_json::from_slice(&answer[head_end + 4..])?)
}

/// Connects to the first address that takes the connection, as the host would. Each has an equal part of the time that is left.
fn connect(addresses: Vec<SocketAddr>, deadline: Instant) -> io::Result<TcpStream> {
    let mut failure = io::Error::other("the name has no address");
    let mut untried = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        match TcpStream::connect_timeout(&address, left(deadline)? / untried) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
        untried = untried.saturating_sub(1).max(1);
    }
    Err(failure)
}

/// A stream whose reads end at a deadline together, not each on its own.
struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(buffer)
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(io::ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A machine may be slow, and what is asked here answers.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn split(text: &str) -> (String, String) {
        let upstream: Upstream = text.parse().unwrap();
        (upstream.origin, upstream.base_path)
    }

    #[test]
    fn a_path_prefix_becomes_the_base_path() {
        let expected = ("https://vspace.store".to_owned(), "/ollama".to_owned());
        assert_eq!(split("https://vspace.store/ollama/"), expected);
        assert_eq!(split("https://vspace.store/ollama"), expected);
        assert_eq!(split("http://h:80/a/b/").1, "/a/b");
    }

    #[test]
    fn what_ollama_itself_accepts_is_accepted() {
        for (text, origin) in [
            ("", "http://127.0.0.1:11434"),
            ("gpu", "http://gpu:11434"),
            ("gpu:8080", "http://gpu:8080"),
            (":8080", "http://127.0.0.1:8080"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::1]:80", "http://[::1]:80"),
            ("::1", "http://[::1]:11434"),
            ("::", "http://127.0.0.1:11434"),
            ("[::]:80", "http://127.0.0.1:80"),
            ("http://::1", "http://[::1]"),
            ("fe80::1:2", "http://[fe80::1:2]:11434"),
            ("gpu:", "http://gpu:11434"),
            ("\"127.0.0.1\"", "http://127.0.0.1:11434"),
            ("'127.0.0.1:11610'", "http://127.0.0.1:11610"),
            (" \" gpu \" ", "http://gpu:11434"),
            ("HTTP://gpu", "http://gpu"),
            ("http://gpu", "http://gpu"),
            (" http://gpu/ ", "http://gpu"),
        ] {
            assert_eq!(split(text), (origin.to_owned(), String::new()), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "ftp://gpu",
            "gpu:x",
            "gpu:70000",
            "http://u:p@gpu",
            "http://gpu/?a=b",
        ] {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }

    /// Answers the given bodies, one connection each, and ends.
    fn server(answers: Vec<&'static str>) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let lines = BufReader::new(&stream).lines().map(Result::unwrap);
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                write!(stream, "HTTP/1.0 {answer}").unwrap();
            }
        });
        Upstream {
            origin,
            base_path: String::new(),
        }
    }

    #[test]
    fn an_ollama_tells_its_version_and_models() {
        let upstream = server(vec![
            "200 OK\r\n\r\n{\"version\":\"0.9.1\"}",
            "200 OK\r\n\r\n{\"models\":[{\"name\":\"a:1b\"},{\"name\":\"b:2b\"}]}",
        ]);
        let Probe::Found { version, models } = upstream.probe_within(PATIENCE) else {
            panic!("not found")
        };
        assert_eq!(version, "0.9.1");
        assert_eq!(models, ["a:1b", "b:2b"]);
    }

    #[test]
    fn an_address_that_refuses_is_followed_by_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let refusing = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        let connected = connect(vec![refusing, open], deadline).unwrap();
        assert_eq!(connected.peer_addr().unwrap(), open);
        let failure = connect(vec![refusing, refusing], deadline).unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::ConnectionRefused);
        connect(Vec::new(), deadline).unwrap_err();
    }

    #[test]
    fn another_server_is_no_ollama() {
        for answer in [
            "404 Not Found\r\n\r\n",
            "200 OK\r\n\r\n{}",
            "200 OK\r\n\r\n<html>",
        ] {
            assert!(
                matches!(
                    server(vec![answer]).probe_within(PATIENCE),
                    Probe::Absent(_)
                ),
                "{answer}"
            );
        }
    }

    #[test]
    fn https_is_not_asked() {
        let upstream: Upstream = "https://localhost/".parse().unwrap();
        assert!(matches!(upstream.probe(), Probe::NotAsked));
    }
}
