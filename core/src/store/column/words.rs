//! The distinct values of a few thousand rows, found by hash, and which of them each row has.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use crate::twin::{Scalar, is_same};

/// Values of any kind, each distinct one kept once.
///
/// A value that follows itself is not looked up, and texts stand in one buffer: rows of a fleet
/// repeat few values, and where they do not, a value costs its bytes and no allocation.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// For each value, which word it is, from 0.
    codes: Vec<u16>,
    words: Vec<Word>,
    text: String,
    table: HashTable<u16>,
    hasher: foldhash::fast::RandomState,
}

/// A distinct value.
#[derive(Debug, Clone, Copy)]
enum Word {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Span),
    Array(Span),
    Object,
}

/// A range of the buffer of texts.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Words {
    /// Adds a value, one of at most 65,536.
    #[inline]
    pub(super) fn push(&mut self, value: &Scalar<'_>) {
        let code = match self.codes.last() {
            Some(last) if self.is(*last, value) => *last,
            _ => self.code(value),
        };
        self.codes.push(code);
    }

    #[inline(never)]
    fn code(&mut self, value: &Scalar<'_>) -> u16 {
        let hash = hash(&self.hasher, value);
        match self.table.find(hash, |code| self.is(*code, value)) {
            Some(code) => *code,
            None => self.add(hash, value),
        }
    }

    /// The values in the order in which they were added, as places in [`Words::distinct`].
    pub(super) fn codes(&self) -> &[u16] {
        &self.codes
    }

    /// The distinct values.
    pub(super) fn distinct(&self) -> impl ExactSizeIterator<Item = Scalar<'_>> {
        self.words.iter().map(|word| self.scalar(*word))
    }

    /// The value added at `place`.
    pub(super) fn get(&self, place: usize) -> Scalar<'_> {
        self.scalar(self.words[usize::from(self.codes[place])])
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    #[inline]
    fn is(&self, code: u16, value: &Scalar<'_>) -> bool {
        match (self.words[usize::from(code)], value) {
            (Word::Str(span), Scalar::Str(text)) | (Word::Array(span), Scalar::Array(text)) => {
                is_same(&self.text.as_bytes()[span.start..span.end], text.as_bytes())
            }
            (Word::Int(word), Scalar::Int(value)) => word == *value,
            (Word::Float(word), Scalar::Float(value)) => word.to_bits() == value.to_bits(),
            (Word::Bool(word), Scalar::Bool(value)) => word == *value,
            (Word::Null, Scalar::Null) | (Word::Object, Scalar::Object) => true,
            _ => false,
        }
    }

    fn add(&mut self, hash: u64, value: &Scalar<'_>) -> u16 {
        let code = u16::try_from(self.words.len()).expect("a segment has 65,536 rows");
        let word = match value {
            Scalar::Null => Word::Null,
            Scalar::Bool(value) => Word::Bool(*value),
            Scalar::Int(value) => Word::Int(*value),
            Scalar::Float(value) => Word::Float(*value),
            Scalar::Str(text) => Word::Str(self.keep(text)),
            Scalar::Array(text) => Word::Array(self.keep(text)),
            Scalar::Object => Word::Object,
        };
        self.words.push(word);
        let Self { words, text, table, hasher, .. } = self;
        table.insert_unique(hash, code, |code| {
            self::hash(hasher, &scalar(text, words[usize::from(*code)]))
        });
        code
    }

    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span { start, end: self.text.len() }
    }

    fn scalar(&self, word: Word) -> Scalar<'_> {
        scalar(&self.text, word)
    }
}

fn scalar(text: &str, word: Word) -> Scalar<'_> {
    let text = |span: Span| (&text[span.start..span.end]).into();
    match word {
        Word::Null => Scalar::Null,
        Word::Bool(value) => Scalar::Bool(value),
        Word::Int(value) => Scalar::Int(value),
        Word::Float(value) => Scalar::Float(value),
        Word::Str(span) => Scalar::Str(text(span)),
        Word::Array(span) => Scalar::Array(text(span)),
        Word::Object => Scalar::Object,
    }
}

fn hash(hasher: &foldhash::fast::RandomState, value: &Scalar<'_>) -> u64 {
    match value {
        Scalar::Null => hasher.hash_one(0_u8),
        Scalar::Bool(value) => hasher.hash_one((1_u8, value)),
        Scalar::Int(value) => hasher.hash_one(value),
        Scalar::Float(value) => hasher.hash_one(value.to_bits()),
        Scalar::Str(text) | Scalar::Array(text) => hasher.hash_one(&**text),
        Scalar::Object => hasher.hash_one(2_u8),
    }
}
