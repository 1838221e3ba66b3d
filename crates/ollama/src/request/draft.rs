//! A body that is being settled: members are blanked where they lie, and what is added is noted until it is sent.
//!
//! # Why
//! A body of eight mebibytes may have any shape. Blanking needs no memory, and few things are added, so that what waits in
//! line is the body itself and next to nothing beside it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use bytes::Bytes;

use super::fields::{self, Field};
use crate::endpoint::Endpoint;
use crate::json::{self, Member, Members, Raw};

/// A checked body whose names are canonical, and what is to be added to it.
#[derive(Debug)]
pub(crate) struct Draft {
    text: Vec<u8>,
    begin: usize,
    fields: &'static [Field],
    found: Vec<Option<Member>>,
    insertions: Vec<(usize, Piece)>,
}

/// A part of a body as it is sent.
#[derive(Clone, Debug)]
enum Piece {
    /// Bytes that came.
    Kept(Range<usize>),
    /// Bytes that were added.
    Added(Bytes),
    /// Members that were added behind the brace of an object, and whether others follow.
    Members(Vec<Added>, Follow),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follow {
    Others,
    Nothing,
}

/// A member that was added: as it is written, or an object with members that were added to it.
#[derive(Clone, Debug)]
pub(super) struct Added {
    when: When,
    written: String,
    members: Vec<Added>,
}

/// In which requests a member is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// In all.
    Always,
    /// In one that loads the model.
    Loading,
    /// As long as a prompt that does not fit is to be refused.
    Uncut,
    /// Where the model is known not to think.
    Unthinking,
    /// Where it is known to think.
    Thinking,
    /// Where it is known to complete texts.
    Completing,
}

/// What depends on where and when a request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sending {
    /// It loads the model, as far as is known.
    pub loads: bool,
    /// The upstream may cut a prompt that does not fit.
    pub may_cut: bool,
    /// Whether the model thinks; `None`: nobody knows.
    pub thinks: Option<bool>,
    /// Whether it completes texts, which one that only embeds does not; `None`: nobody knows.
    pub completes: Option<bool>,
}

/// A settled body: the bytes that came, and what is sent between them.
#[derive(Clone, Debug)]
pub struct Body {
    text: Bytes,
    pieces: Vec<Piece>,
}

/// A body as it is sent, in pieces that share the bytes that came.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    /// The pieces, in order.
    pub pieces: Vec<Bytes>,
}

impl Draft {
    /// Of a checked text whose names are canonical; its object begins at `begin`.
    pub(super) fn new(endpoint: Endpoint, text: Vec<u8>, begin: usize) -> Draft {
        let fields = fields::of(endpoint);
        let mut found = vec![None; fields.len()];
        let mut members = Members::of(begin);
        while let Some(member) = members.next_member(&text) {
            let name = Raw::at(&text, member.name.clone());
            if let Some(index) = fields.iter().position(|field| name.is_written(field.name))
                && let Some(place) = found.get_mut(index)
            {
                *place = Some(member);
            }
        }
        Draft {
            text,
            begin,
            fields,
            found,
            insertions: Vec::new(),
        }
    }

    /// The member of this name.
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        let index = self.fields.iter().position(|field| field.name == name)?;
        self.found.get(index)?.as_ref()
    }

    /// Its value; `None` also where it is null.
    pub(crate) fn value(&self, name: &str) -> Option<Raw<'_>> {
        let member = self.member(name)?;
        Some(Raw::at(&self.text, member.value.clone())).filter(|value| !value.is_null())
    }

    /// The bytes.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Takes a member out; `None`: it was not there. Its value is given as it was, if it was not null.
    pub(super) fn remove(&mut self, name: &str) -> Option<Member> {
        let index = self.fields.iter().position(|field| field.name == name)?;
        let member = self.found.get_mut(index)?.take()?;
        self.blank_member(&member);
        Some(member)
    }

    /// Blanks a member of any object, and the comma that goes with it.
    pub(super) fn blank_member(&mut self, member: &Member) {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let rest = self.text.get(member.value.end..).unwrap_or_default();
        let after = rest.iter().position(|byte| !is_space(byte));
        let after = after.map(|spaces| member.value.end + spaces);
        let mut range = member.name.start..member.value.end;
        match after.filter(|at| self.text.get(*at) == Some(&b',')) {
            Some(comma) => range.end = comma + 1,
            None => {
                let before = self.text.get(..range.start).unwrap_or_default();
                let comma = before.iter().rposition(|byte| !is_space(byte));
                if let Some(comma) = comma.filter(|at| before.get(*at) == Some(&b',')) {
                    range.start = comma;
                }
            }
        }
        self.blank(range);
    }

    /// Writes spaces over these bytes.
    pub(super) fn blank(&mut self, range: Range<usize>) {
        if let Some(bytes) = self.text.get_mut(range) {
            bytes.fill(b' ');
        }
    }

    /// Adds bytes before the one that lies there.
    pub(super) fn insert(&mut self, at: usize, text: &'static str) {
        let piece = Piece::Added(Bytes::from_static(text.as_bytes()));
        self.insertions.push((at, piece));
    }

    /// Adds members to the body itself.
    pub(super) fn add(&mut self, members: Vec<Added>) {
        self.add_to(self.begin, members);
    }

    /// Adds members to the object that begins there, before those that it has.
    pub(super) fn add_to(&mut self, object: usize, members: Vec<Added>) {
        if !members.is_empty() {
            let piece = Piece::Members(members, Follow::Others);
            self.insertions.push((object + 1, piece));
        }
    }

    /// The body, with all that was added.
    pub(super) fn finish(self) -> Body {
        let Draft {
            text,
            mut insertions,
            ..
        } = self;
        insertions.sort_by_key(|(at, _)| *at);
        let mut pieces = Vec::with_capacity(2 * insertions.len() + 1);
        let mut from = 0;
        for (at, piece) in insertions {
            pieces.push(Piece::Kept(from..at));
            pieces.push(match piece {
                Piece::Members(members, _) => Piece::Members(members, follow(&text, at)),
                piece => piece,
            });
            from = at;
        }
        pieces.push(Piece::Kept(from..text.len()));
        Body {
            // Its capacity is its length, or becomes it.
            text: Bytes::from(text.into_boxed_slice()),
            pieces,
        }
    }
}

/// Whether the object whose members begin there has any.
fn follow(text: &[u8], at: usize) -> Follow {
    match Members::of(at.saturating_sub(1)).next_member(text) {
        Some(_) => Follow::Others,
        None => Follow::Nothing,
    }
}

impl Added {
    /// A member whose value is given as JSON.
    pub(super) fn new(when: When, name: &str, value: impl std::fmt::Display) -> Added {
        Added {
            when,
            written: format!("\"{name}\":{value}"),
            members: Vec::new(),
        }
    }

    /// A member that is an object of these; `None`: of nothing. Where all of them are sent in the same requests alone, so is it.
    pub(super) fn object(name: &str, members: Vec<Added>) -> Option<Added> {
        let when = members.first()?.when;
        let is_one = members.iter().all(|member| member.when == when);
        Some(Added {
            when: if is_one { when } else { When::Always },
            written: format!("\"{name}\":"),
            members,
        })
    }

    fn write(&self, sending: &Sending) -> String {
        if self.members.is_empty() {
            return self.written.clone();
        }
        format!("{}{{{}}}", self.written, join(&self.members, sending))
    }
}

/// Those of the members that are sent this time, one after the other.
fn join(members: &[Added], sending: &Sending) -> String {
    let sent = members.iter().filter(|member| member.when.holds(sending));
    let written: Vec<_> = sent.map(|member| member.write(sending)).collect();
    written.join(",")
}

impl When {
    fn holds(self, sending: &Sending) -> bool {
        match self {
            When::Always => true,
            When::Loading => sending.loads,
            When::Uncut => !sending.may_cut,
            When::Unthinking => sending.thinks == Some(false),
            When::Thinking => sending.thinks == Some(true),
            When::Completing => sending.completes == Some(true),
        }
    }
}

impl Body {
    /// How many bytes it holds on to while it waits.
    pub fn held(&self) -> usize {
        self.text.len()
    }

    /// What it asks, as a number: its members in any order, but whether and how its answer is streamed.
    pub fn digest(&self) -> u64 {
        let begin = json::begin_of(&self.text);
        let mut members = Members::of(begin);
        let mut digest = 0_u64;
        while let Some(member) = members.next_member(&self.text) {
            let name = Raw::at(&self.text, member.name);
            if name.is_written("stream") || name.is_written("stream_options") {
                continue;
            }
            let mut hasher = DefaultHasher::new();
            name.bytes().hash(&mut hasher);
            Raw::at(&self.text, member.value).bytes().hash(&mut hasher);
            digest = digest.wrapping_add(hasher.finish());
        }
        digest
    }

    /// As it is sent this time.
    pub fn payload(&self, sending: &Sending) -> Payload {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Kept(range) => self.text.slice(range.clone()),
            Piece::Added(bytes) => bytes.clone(),
            Piece::Members(members, follow) => {
                let mut written = join(members, sending);
                if *follow == Follow::Others && !written.is_empty() {
                    written.push(',');
                }
                written.into()
            }
        });
        Payload {
            pieces: pieces.filter(|piece| !piece.is_empty()).collect(),
        }
    }
}

impl Payload {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Its bytes, copied into slices of so many; only the last may be shorter. A piece by itself would be a segment by itself on the
    /// wire, and where a host sets no TCP_NODELAY (Spin) the second of two small ones waits 40 ms.
    pub fn slices(self, most: usize) -> impl Iterator<Item = Vec<u8>> {
        let most = most.max(1);
        let mut left = self.len();
        let mut pieces = self.pieces.into_iter();
        let mut piece = Bytes::new();
        std::iter::from_fn(move || {
            let wanted = most.min(left);
            let mut slice = Vec::with_capacity(wanted);
            while slice.len() < wanted {
                if piece.is_empty() {
                    piece = pieces.next()?;
                }
                let part = piece.split_to(piece.len().min(wanted - slice.len()));
                slice.extend_from_slice(&part);
            }
            left -= wanted;
            (!slice.is_empty()).then_some(slice)
        })
    }

    /// All of it in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        let pieces = if bytes.is_empty() {
            Vec::new()
        } else {
            vec![bytes]
        };
        Payload { pieces }
    }
}
