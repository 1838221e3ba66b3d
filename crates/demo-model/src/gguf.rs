//! Reading a GGUF file: what it says about itself, and where its tensors lie.
//!
//! # Limits
//! Version 3 in little endian, and the types of tensors that one model file has: `F32`, `Q4_1`, `Q8_0`. Nothing in the file is
//! believed: a length that leads out of it is an error.

use std::collections::HashMap;

use crate::error::ModelError;

/// A file whose head was read.
pub(crate) struct Gguf<'a> {
    metadata: HashMap<String, Value>,
    tensors: HashMap<String, Tensor<'a>>,
}

/// A value of the metadata. Lists that are of no use here are kept as [`Value::Other`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Integer(u64),
    Float(f32),
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<u64>),
    Other,
}

/// A tensor's place in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tensor<'a> {
    pub(crate) kind: TensorKind,
    /// Elements of a row.
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) bytes: &'a [u8],
}

/// How the elements of a tensor are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TensorKind {
    F32,
    /// Blocks of 32: a scale and a least value in 16 bits each, and 4 bits for each element.
    Q4_1,
    /// Blocks of 32: a scale in 16 bits and 8 bits for each element.
    Q8_0,
}

impl TensorKind {
    fn of(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::F32),
            3 => Some(Self::Q4_1),
            8 => Some(Self::Q8_0),
            _ => None,
        }
    }

    /// The elements and the bytes of a block.
    fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::Q4_1 => (32, 20),
            Self::Q8_0 => (32, 34),
        }
    }
}

impl<'a> Gguf<'a> {
    /// Reads the head of a file that is in memory.
    pub(crate) fn read(file: &'a [u8]) -> Result<Self, ModelError> {
        let mut reader = Reader { file, at: 0 };
        if reader.take(4)? != MAGIC {
            return Err(ModelError::Format("it is not GGUF".to_owned()));
        }
        let version = reader.u32()?;
        if version != 3 {
            return Err(ModelError::Format(format!("GGUF {version}, not 3")));
        }
        let tensor_count = reader.u64()?;
        let metadata_count = reader.u64()?;
        let mut metadata = HashMap::new();
        for _ in 0..metadata_count {
            let name = reader.text()?;
            let kind = reader.u32()?;
            metadata.insert(name, reader.value(kind)?);
        }
        let mut places = Vec::new();
        for _ in 0..tensor_count {
            places.push(reader.place()?);
        }
        let alignment = match metadata.get("general.alignment") {
            Some(Value::Integer(alignment)) => *alignment,
            _ => 32,
        };
        let start = (reader.at as u64)
            .checked_next_multiple_of(alignment)
            .ok_or_else(out_of_file)?;
        let tensors = places
            .into_iter()
            .map(|place| place.tensor(file, start))
            .collect::<Result<_, _>>()?;
        Ok(Self { metadata, tensors })
    }

    pub(crate) fn value(&self, name: &str) -> Result<&Value, ModelError> {
        self.metadata
            .get(name)
            .ok_or_else(|| ModelError::Format(format!("no {name}")))
    }

    /// A number of the metadata that says how large something is.
    pub(crate) fn size(&self, name: &str) -> Result<usize, ModelError> {
        match self.value(name)? {
            Value::Integer(value) => usize::try_from(*value).map_err(|_| out_of_file()),
            other => Err(unexpected(name, other)),
        }
    }

    pub(crate) fn float(&self, name: &str) -> Result<f32, ModelError> {
        match self.value(name)? {
            Value::Float(value) => Ok(*value),
            other => Err(unexpected(name, other)),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, ModelError> {
        match self.value(name)? {
            Value::Text(value) => Ok(value),
            other => Err(unexpected(name, other)),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<&[String], ModelError> {
        match self.value(name)? {
            Value::Texts(values) => Ok(values),
            other => Err(unexpected(name, other)),
        }
    }

    pub(crate) fn integers(&self, name: &str) -> Result<&[u64], ModelError> {
        match self.value(name)? {
            Value::Integers(values) => Ok(values),
            other => Err(unexpected(name, other)),
        }
    }

    /// How many numbers the tensors have.
    pub(crate) fn parameters(&self) -> u64 {
        let sizes = self
            .tensors
            .values()
            .map(|tensor| (tensor.rows * tensor.columns) as u64);
        sizes.sum()
    }

    pub(crate) fn tensor(&self, name: &str) -> Result<Tensor<'a>, ModelError> {
        self.tensors
            .get(name)
            .copied()
            .ok_or_else(|| ModelError::Format(format!("no tensor {name}")))
    }
}

/// What the head says about one tensor.
struct Place {
    name: String,
    columns: u64,
    rows: u64,
    kind: TensorKind,
    offset: u64,
}

impl Place {
    fn tensor(self, file: &[u8], start: u64) -> Result<(String, Tensor<'_>), ModelError> {
        let (elements, bytes) = self.kind.block();
        let in_memory = |number: u64| usize::try_from(number).map_err(|_| out_of_file());
        let (columns, rows) = (in_memory(self.columns)?, in_memory(self.rows)?);
        if !columns.is_multiple_of(elements) {
            return Err(ModelError::Format(format!("{}: half a block", self.name)));
        }
        let length = (columns / elements)
            .checked_mul(bytes)
            .and_then(|row| row.checked_mul(rows))
            .ok_or_else(out_of_file)?;
        let from = in_memory(start.checked_add(self.offset).ok_or_else(out_of_file)?)?;
        let to = from.checked_add(length).ok_or_else(out_of_file)?;
        let bytes = file.get(from..to).ok_or_else(out_of_file)?;
        let tensor = Tensor {
            kind: self.kind,
            columns,
            rows,
            bytes,
        };
        Ok((self.name, tensor))
    }
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ModelError> {
        let to = self.at.checked_add(length).ok_or_else(out_of_file)?;
        let bytes = self.file.get(self.at..to).ok_or_else(out_of_file)?;
        self.at = to;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        self.take(N)?.try_into().map_err(|_| out_of_file())
    }

    fn u32(&mut self) -> Result<u32, ModelError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, ModelError> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Result<String, ModelError> {
        let length = usize::try_from(self.u64()?).map_err(|_| out_of_file())?;
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| ModelError::Format("a text that is none".to_owned()))
    }

    fn value(&mut self, kind: u32) -> Result<Value, ModelError> {
        Ok(match kind {
            0 | 1 | 7 => Value::Integer(self.array::<1>()?[0].into()),
            2 | 3 => Value::Integer(u16::from_le_bytes(self.array()?).into()),
            4 | 5 => Value::Integer(self.u32()?.into()),
            6 => Value::Float(f32::from_le_bytes(self.array()?)),
            8 => Value::Text(self.text()?),
            9 => self.list()?,
            10 | 11 => Value::Integer(self.u64()?),
            12 => {
                self.take(8)?;
                Value::Other
            }
            other => return Err(ModelError::Format(format!("a value of kind {other}"))),
        })
    }

    /// A list; its length is not believed before its elements are there.
    fn list(&mut self) -> Result<Value, ModelError> {
        let kind = self.u32()?;
        let count = self.u64()?;
        let (mut texts, mut integers) = (Vec::new(), Vec::new());
        for _ in 0..count {
            match kind {
                9 => return Err(ModelError::Format("a list of lists".to_owned())),
                kind => match self.value(kind)? {
                    Value::Text(text) => texts.push(text),
                    Value::Integer(integer) => integers.push(integer),
                    _ => {}
                },
            }
        }
        Ok(match kind {
            8 => Value::Texts(texts),
            0..=5 | 7 | 10 | 11 => Value::Integers(integers),
            _ => Value::Other,
        })
    }

    fn place(&mut self) -> Result<Place, ModelError> {
        let name = self.text()?;
        let (columns, rows) = match self.u32()? {
            1 => (self.u64()?, 1),
            2 => (self.u64()?, self.u64()?),
            other => return Err(ModelError::Format(format!("{name}: {other} dimensions"))),
        };
        let number = self.u32()?;
        let kind = TensorKind::of(number)
            .ok_or_else(|| ModelError::Format(format!("{name}: type {number} is not read here")))?;
        let offset = self.u64()?;
        Ok(Place {
            name,
            columns,
            rows,
            kind,
            offset,
        })
    }
}

fn out_of_file() -> ModelError {
    ModelError::Format("it is cut off, or a length leads out of it".to_owned())
}

fn unexpected(name: &str, value: &Value) -> ModelError {
    ModelError::Format(format!("{name} is {value:?}"))
}

const MAGIC: &[u8] = b"GGUF";
