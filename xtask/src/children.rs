//! Programs that run beside this one and do not outlive it.
//!
//! # Why
//! `up` is a simulator, a host and this program; whichever ends, by itself or by a signal, the
//! others have to end too. Each child leads a process group of its own, so that Ctrl-C in the
//! terminal reaches this program alone, which then ends the children in order, and so that their
//! own children go with them.
//!
//! # Limits
//! Killed with SIGKILL, this program can end nobody.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The children that run now. Dropping it ends them, the last started first.
pub(crate) struct Children {
    running: Vec<Member>,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

/// One running child.
struct Member {
    name: &'static str,
    child: Child,
    /// How and when it ended, once that was seen.
    ended: Option<(ExitStatus, Instant)>,
    /// Whether all that it wrote was read.
    read: bool,
}

/// A signal asked for the end.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// What the threads that listen have to say.
enum Event {
    Signal(i32),
    Line(&'static str, String),
    Read(&'static str),
}

/// What the caller has to decide on.
enum Happening {
    Line(&'static str, String),
    Ended(&'static str, ExitStatus),
    Signal,
    TimedOut,
}

impl Children {
    /// Starts to listen for signals; from here on they no longer end this program by themselves.
    pub(crate) fn new() -> Result<Self> {
        let (sender, events) = channel();
        let mut signals = Signals::new([SIGCHLD, SIGHUP, SIGINT, SIGTERM])?;
        let signal_sender = sender.clone();
        thread::spawn(move || {
            for signal in signals.forever() {
                if signal_sender.send(Event::Signal(signal)).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            running: Vec::new(),
            events,
            sender,
        })
    }

    /// Starts a child. What it writes to standard output comes through here; the rest is its own.
    pub(crate) fn start(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let sender = self.sender.clone();
        let stdout = child.stdout.take();
        thread::spawn(move || {
            let lines = stdout
                .into_iter()
                .flat_map(|stdout| BufReader::new(stdout).lines());
            for line in lines.map_while(Result::ok) {
                // A failed send means that nobody listens any more: the child is being ended.
                let _ = sender.send(Event::Line(name, line));
            }
            let _ = sender.send(Event::Read(name));
        });
        self.running.push(Member {
            name,
            child,
            ended: None,
            read: false,
        });
        Ok(())
    }

    /// Waits until a child writes a line in which `find` finds something; other lines are shown.
    pub(crate) fn wait_for_line(
        &mut self,
        name: &'static str,
        find: impl Fn(&str) -> Option<String>,
    ) -> Result<String> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match self.next(Some(deadline)) {
                Happening::Line(from, line) => match find(&line) {
                    Some(found) if from == name => return Ok(found),
                    _ => println!("{line}"),
                },
                Happening::Ended(name, status) => bail!("{name} ended early ({status})"),
                Happening::Signal => return Err(Interrupted.into()),
                Happening::TimedOut => bail!("{name} is not ready after {START_LIMIT:?}"),
            }
        }
    }

    /// Shows what a child writes, and tells it line by line, until that child ends.
    pub(crate) fn wait_for_end(
        &mut self,
        name: &'static str,
        mut on_line: impl FnMut(&str),
    ) -> Result<ExitStatus> {
        loop {
            match self.next(None) {
                Happening::Line(from, line) => {
                    println!("{line}");
                    if from == name {
                        on_line(&line);
                    }
                }
                Happening::Ended(ended, status) if ended == name => return Ok(status),
                Happening::Ended(name, status) => bail!("{name} ended early ({status})"),
                Happening::Signal => return Err(Interrupted.into()),
                Happening::TimedOut => {}
            }
        }
    }

    /// Shows what the children write until a signal asks for the end, which is no error, or one of
    /// them ends by itself, which is.
    pub(crate) fn supervise(mut self) -> Result<()> {
        loop {
            match self.next(None) {
                Happening::Line(_, line) => println!("{line}"),
                Happening::Ended(name, status) => bail!("{name} ended ({status})"),
                Happening::Signal => return Ok(()),
                Happening::TimedOut => {}
            }
        }
    }

    /// The next thing to decide on. A child's end comes after the last line that it wrote.
    fn next(&mut self, deadline: Option<Instant>) -> Happening {
        loop {
            let now = Instant::now();
            if let Some(at) = self.running.iter().position(|member| member.is_over(now)) {
                let Member {
                    name,
                    ended: Some((status, _)),
                    ..
                } = self.running.remove(at)
                else {
                    continue;
                };
                return Happening::Ended(name, status);
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Happening::TimedOut;
            }
            let last_words = self.running.iter().filter_map(Member::last_words);
            let wake = last_words.chain(deadline).min().unwrap_or(now + IDLE);
            match self
                .events
                .recv_timeout(wake.saturating_duration_since(now))
            {
                Ok(Event::Line(name, line)) => return Happening::Line(name, line),
                Ok(Event::Signal(SIGCHLD)) => self.reap(),
                Ok(Event::Signal(_)) => return Happening::Signal,
                Ok(Event::Read(name)) => {
                    let mut all = self.running.iter_mut();
                    if let Some(member) = all.find(|member| member.name == name) {
                        member.read = true;
                    }
                }
                // The channel cannot close: this value holds a sender.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// Notes which children have ended. One signal may stand for several.
    fn reap(&mut self) {
        for member in self
            .running
            .iter_mut()
            .filter(|member| member.ended.is_none())
        {
            if let Ok(Some(status)) = member.child.try_wait() {
                member.ended = Some((status, Instant::now()));
            }
        }
    }

    /// Asks the child started last to end, waits, and kills it when it takes too long or when a
    /// second signal shows that somebody is in a hurry.
    fn stop_last(&mut self) {
        let Some(member) = self.running.last() else {
            return;
        };
        let name = member.name;
        member.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_LIMIT;
        loop {
            match self.next(Some(deadline)) {
                Happening::Line(_, line) => println!("{line}"),
                Happening::Ended(ended, _) if ended == name => return,
                Happening::Ended(..) => {}
                Happening::Signal | Happening::TimedOut => break,
            }
        }
        if let Some(mut member) = self.running.pop() {
            member.signal(Signal::KILL);
            // It cannot refuse, so that this wait is short.
            let _ = member.child.wait();
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        while !self.running.is_empty() {
            self.stop_last();
        }
    }
}

impl Member {
    /// Whether it has ended and nothing more will be read from it.
    fn is_over(&self, now: Instant) -> bool {
        self.ended.is_some() && (self.read || self.last_words().is_some_and(|end| end <= now))
    }

    /// Until when its last lines are waited for, once it has ended.
    fn last_words(&self) -> Option<Instant> {
        self.ended.map(|(_, when)| when + LAST_WORDS)
    }

    /// Sends a signal to the child and its own children. One that is gone gets none.
    fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            let _ = kill_process_group(Pid::from_child(&self.child), signal);
        }
    }
}

/// How long a child may take to say that it is ready. The host compiles the components first, which takes a slow machine minutes.
const START_LIMIT: Duration = Duration::from_secs(300);

/// How long a child may take to end: longer than the host gives to streams.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How long the pipe of a child that ended is read, should a child of its own hold it open.
/// Long, since on a busy machine what it said may still be on its way, and the counts of tests are in it.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How often a wait without a deadline wakes up for nothing.
const IDLE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn ready(line: &str) -> Option<String> {
        line.strip_prefix("ready at ").map(str::to_owned)
    }

    #[test]
    fn a_child_is_ready_when_its_line_comes() {
        let mut children = Children::new().unwrap();
        children
            .start(
                "a",
                &mut shell("echo hello; echo ready at 7; exec sleep 600"),
            )
            .unwrap();
        assert_eq!(children.wait_for_line("a", ready).unwrap(), "7");
    }

    #[test]
    fn dropping_ends_every_child() {
        let mut children = Children::new().unwrap();
        children.start("a", &mut shell("exec sleep 600")).unwrap();
        children.start("b", &mut shell("exec sleep 600")).unwrap();
        let pids: Vec<Pid> = children
            .running
            .iter()
            .map(|member| Pid::from_child(&member.child))
            .collect();
        drop(children);
        for pid in pids {
            assert!(rustix::process::test_kill_process(pid).is_err());
        }
    }

    #[test]
    fn a_child_that_ends_early_is_an_error() {
        let mut children = Children::new().unwrap();
        children.start("a", &mut shell("exit 3")).unwrap();
        let error = children.wait_for_line("a", ready).unwrap_err();
        assert_eq!(error.to_string(), "a ended early (exit status: 3)");
    }

    #[test]
    fn the_end_comes_after_the_last_line() {
        let mut children = Children::new().unwrap();
        children
            .start("a", &mut shell("for i in 1 2 3; do echo $i; done; exit 1"))
            .unwrap();
        let mut lines = Vec::new();
        let status = children
            .wait_for_end("a", |line| lines.push(line.to_owned()))
            .unwrap();
        assert_eq!(status.code(), Some(1));
        assert_eq!(lines, ["1", "2", "3"]);
    }

    #[test]
    fn supervision_ends_when_one_child_ends() {
        let mut children = Children::new().unwrap();
        children.start("a", &mut shell("exec sleep 600")).unwrap();
        children.start("b", &mut shell("exit 0")).unwrap();
        assert_eq!(
            children.supervise().unwrap_err().to_string(),
            "b ended (exit status: 0)"
        );
    }
}
