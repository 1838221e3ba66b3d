//! One request over a raw socket.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use super::{
    Transcript,
    case::{Case, Sending},
};

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Server {
    /// `host:port`.
    pub authority: String,
    /// A prefix of every path, without a slash at the end.
    pub base_path: String,
    /// Its version, which stands in each transcript.
    pub version: String,
    /// How long it may be silent.
    pub patience: Duration,
    /// How many letters of each chunk are kept.
    pub longest: usize,
}

/// What is read of an answer.
struct Answer {
    reader: BufReader<TcpStream>,
    began: Instant,
    longest: usize,
}

/// Sends a case, as often as it says, and keeps the last answer.
///
/// # Errors
/// There is no connection.
pub fn exchange(server: &Server, case: &Case) -> io::Result<Transcript> {
    let mut last = once(server, case);
    for _ in 1..case.repeat.unwrap_or(1) {
        last = once(server, case);
    }
    last
}

fn once(server: &Server, case: &Case) -> io::Result<Transcript> {
    let stream = TcpStream::connect(&server.authority)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(server.patience))?;
    let began = Instant::now();
    let writing = send(&stream, server, case);
    let mut answer = Answer {
        reader: BufReader::new(stream),
        began,
        longest: server.longest,
    };
    let mut transcript = Transcript {
        case: case.name.clone(),
        ollama: server.version.clone(),
        settings: Map::new(),
        status: 0,
        headers: Map::new(),
        informational: Vec::new(),
        frames: Vec::new(),
        end: String::new(),
        head_at_ms: None,
        end_at_ms: 0.0,
    };
    let end = answer.read(case, &mut transcript);
    transcript.end = match (end, writing) {
        (Ok(end), _) => end.to_owned(),
        (Err(error), _) => match error.kind() {
            io::ErrorKind::UnexpectedEof => "closed early".to_owned(),
            io::ErrorKind::ConnectionReset => "reset".to_owned(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                "no more within the time limit".to_owned()
            }
            _ => error.to_string(),
        },
    };
    transcript.end_at_ms = answer.ms();
    Ok(transcript)
}

fn send(mut stream: &TcpStream, server: &Server, case: &Case) -> io::Result<()> {
    let payload = case.payload();
    let mut headers = vec![("Host".to_owned(), server.authority.clone())];
    if !payload.is_empty() || case.method == "POST" {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    for (name, value) in &case.headers {
        headers.retain(|(known, _)| known != name);
        if let Some(value) = value.as_str() {
            headers.push((name.clone(), value.to_owned()));
        }
    }
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    match case.send {
        Sending::Chunked => add("Transfer-Encoding", "chunked".to_owned()),
        Sending::None => {}
        Sending::Whole | Sending::Expect => {
            if !payload.is_empty() || matches!(case.method.as_str(), "POST" | "PUT") {
                add("Content-Length", payload.len().to_string());
            }
        }
    }
    if case.send == Sending::Expect {
        add("Expect", "100-continue".to_owned());
    }
    if case.close {
        add("Connection", "close".to_owned());
    }
    let path = match case.path.strip_prefix('/') {
        Some(_) => format!("{}{}", server.base_path, case.path),
        None => case.path.clone(),
    };
    let http = case.http.as_deref().unwrap_or("HTTP/1.1");
    let mut head = format!("{} {path} {http}\r\n", case.method);
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if case.send != Sending::Chunked {
        return stream.write_all(&payload);
    }
    let (one, two) = payload.split_at(payload.len() / 2);
    for piece in [one, two, &[]] {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
        stream.write_all(piece)?;
        stream.write_all(b"\r\n")?;
    }
    Ok(())
}

impl Answer {
    /// Reads the head and the body, and says how it ended.
    fn read(&mut self, case: &Case, transcript: &mut Transcript) -> io::Result<&'static str> {
        loop {
            let first = self.line()?;
            let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
            transcript.status = status.ok_or(io::ErrorKind::InvalidData)?;
            transcript.headers.clear();
            loop {
                let line = self.line()?;
                let Some((name, value)) = line.split_once(':') else {
                    break;
                };
                if !name.eq_ignore_ascii_case("date") {
                    let value = value.trim().into();
                    transcript.headers.insert(name.to_owned(), value);
                }
            }
            if !(100..200).contains(&transcript.status) {
                break;
            }
            transcript.informational.push(transcript.status);
        }
        transcript.head_at_ms = Some(self.ms());
        if case.method == "HEAD" || matches!(transcript.status, 204 | 304) {
            return Ok("complete");
        }
        let header = |name: &str| {
            let found = transcript.headers.iter();
            let mut found = found.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            found.next().and_then(|(_, value)| value.as_str())
        };
        let is_chunked = header("transfer-encoding") == Some("chunked");
        let length = header("content-length").and_then(|length| length.parse().ok());
        if is_chunked {
            return self.chunks(case.cut.unwrap_or(usize::MAX), &mut transcript.frames);
        }
        let mut body = Vec::new();
        let end = match length {
            Some(length) => {
                body.resize(length, 0);
                self.reader.read_exact(&mut body)?;
                "complete"
            }
            None => {
                self.reader.read_to_end(&mut body)?;
                "closed"
            }
        };
        if !body.is_empty() {
            transcript.frames.push(frame(&body, self.longest));
        }
        Ok(end)
    }

    fn chunks(&mut self, cut: usize, frames: &mut Vec<Value>) -> io::Result<&'static str> {
        loop {
            let line = self.line()?;
            let length = line.split(';').next().unwrap_or_default();
            let length = usize::from_str_radix(length, 16);
            let length = length.map_err(|_| io::ErrorKind::InvalidData)?;
            let mut chunk = vec![0; length];
            self.reader.read_exact(&mut chunk)?;
            self.line()?;
            if length == 0 {
                shorten(frames);
                return Ok("complete");
            }
            frames.push(frame(&chunk, self.longest));
            if frames.len() >= cut {
                shorten(frames);
                return Ok("client hung up");
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.reader.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line);
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn ms(&self) -> f64 {
        (self.began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0
    }
}

/// A chunk as text, without what belongs to the recording machine, and not longer than it need be.
fn frame(bytes: &[u8], longest: usize) -> Value {
    let text = scrubbed(&String::from_utf8_lossy(bytes));
    let length = text.chars().count();
    if length <= longest {
        return text.into();
    }
    let kept: String = text.chars().take(longest).collect();
    format!("{kept} ...[cut {} characters]", length - longest).into()
}

/// Of very many chunks the first and the last are kept.
fn shorten(frames: &mut Vec<Value>) {
    if frames.len() > MOST {
        let left_out = frames.len() - MOST * 3 / 4;
        let cut = json!({ "cut": format!("{left_out} frames") });
        frames.splice(MOST / 2..MOST / 2 + left_out, [cut]);
    }
}

/// Folders of the machine before those that every Ollama has.
fn scrubbed(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let places = ["/blobs/", "/manifests/", "/lib/ollama"].iter();
        let Some(at) = places.filter_map(|place| rest.find(place)).min() else {
            return out + rest;
        };
        let head = &rest[..at];
        let is_path = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
        let start = head.rfind(|c| !is_path(c)).map_or(0, |before| {
            before + head[before..].chars().next().map_or(1, char::len_utf8)
        });
        // An URL has two slashes and is no folder.
        if head[start..].starts_with('/') && !head[start..].starts_with("//") {
            out.push_str(&head[..start]);
            out.push_str("/DIR");
        } else {
            out.push_str(head);
        }
        out.push_str(&rest[at..at + 1]);
        rest = &rest[at + 1..];
    }
}

/// Chunks of a body.
const MOST: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_recording_machine_are_left_out() {
        assert_eq!(
            scrubbed("FROM /a/b.c/models/blobs/sha256-1\nopen /x/manifests/y: no"),
            "FROM /DIR/blobs/sha256-1\nopen /DIR/manifests/y: no"
        );
        let url = "Get \"https://registry.ollama.ai/v2/library/x/manifests/latest\"";
        assert_eq!(scrubbed(url), url);
    }

    #[test]
    fn many_chunks_are_not_all_kept() {
        let mut frames = vec![json!("x"); 100];
        shorten(&mut frames);
        assert_eq!(
            (frames.len(), &frames[30]),
            (46, &json!({ "cut": "55 frames" }))
        );
    }
}
