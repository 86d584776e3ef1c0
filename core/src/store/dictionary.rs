//! The distinct values of one path, numbered.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use parking_lot::{RwLock, RwLockReadGuard};

use crate::twin::Scalar;

/// Codes are two bytes and 0 means "absent".
const CODES_MAX: usize = u16::MAX as usize;
/// A dictionary never forgets, so its bytes are bounded; beyond, columns keep values in place.
const BYTES_MAX: usize = 4 << 20;

/// The distinct values that the columns of one path have had, numbered from 1.
///
/// All segments share it, so a literal of a condition is looked up once for the whole fleet.
/// Values are never removed: the bounds above keep churn from growing it for ever.
#[derive(Debug, Default)]
pub struct Dictionary {
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    values: Vec<Scalar<'static>>,
    codes: HashTable<u16>,
    bytes: usize,
    /// Values that are no texts.
    others: usize,
    hasher: foldhash::fast::RandomState,
}

impl Default for Inner {
    fn default() -> Self {
        // The first value stands for "absent" and is never looked up.
        Self {
            values: vec![Scalar::Null],
            codes: HashTable::new(),
            bytes: 0,
            others: 0,
            hasher: foldhash::fast::RandomState::default(),
        }
    }
}

impl Dictionary {
    /// The code of `value`, given now if it is new; `None` if the dictionary is full.
    #[must_use]
    pub fn intern(&self, value: &Scalar<'_>) -> Option<u16> {
        if let Some(code) = self.code(value) {
            return Some(code);
        }
        let mut inner = self.inner.write();
        if let Some(code) = inner.find(value) {
            return Some(code);
        }
        let bytes = text_bytes(value);
        if inner.values.len() > CODES_MAX || inner.bytes + bytes > BYTES_MAX {
            return None;
        }
        let code = u16::try_from(inner.values.len()).ok()?;
        inner.values.push(value.clone().into_owned());
        inner.bytes += bytes;
        inner.others += usize::from(!matches!(value, Scalar::Str(_)));
        let Inner { values, codes, hasher, .. } = &mut *inner;
        let hash = hash(hasher, value);
        codes.insert_unique(hash, code, |code| self::hash(hasher, &values[usize::from(*code)]));
        Some(code)
    }

    /// Calls `each` with the code of every value in turn; false if the dictionary is full, and
    /// then some values were not reached.
    ///
    /// One lock serves many values, and a value that follows itself is not looked up.
    #[must_use]
    pub fn intern_each<'v>(
        &self,
        values: impl Iterator<Item = &'v Scalar<'v>>,
        mut each: impl FnMut(u16),
    ) -> bool {
        let mut last: Option<(&Scalar<'_>, u16)> = None;
        let mut inner = self.inner.read();
        for value in values {
            let code = match last {
                Some((known, code)) if known.is_same(value) => code,
                _ => match inner.find(value) {
                    Some(code) => code,
                    None => {
                        drop(inner);
                        let Some(code) = self.intern(value) else { return false };
                        inner = self.inner.read();
                        code
                    }
                },
            };
            last = Some((value, code));
            each(code);
        }
        true
    }

    /// The code of `value` if any column has had it.
    #[must_use]
    pub fn code(&self, value: &Scalar<'_>) -> Option<u16> {
        self.inner.read().find(value)
    }

    /// The value of `code`, which must have come from this dictionary.
    #[must_use]
    pub fn value(&self, code: u16) -> Scalar<'static> {
        self.inner.read().values[usize::from(code)].clone()
    }

    /// Whether all values are texts, so that any two of them are equal or different.
    #[must_use]
    pub fn has_only_texts(&self) -> bool {
        self.inner.read().others == 0
    }

    /// The bytes of the values, of their texts and of the table of codes.
    pub(super) fn heap_bytes(&self) -> usize {
        let inner = self.inner.read();
        let unused = inner.values.capacity() - inner.values.len();
        inner.bytes + unused * size_of::<Scalar<'_>>() + inner.codes.allocation_size()
    }

    /// All values by code, for binding a predicate; the value at 0 means nothing.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        Values(self.inner.read())
    }
}

/// The values of a dictionary under its read lock.
#[derive(Debug)]
pub struct Values<'a>(RwLockReadGuard<'a, Inner>);

impl std::ops::Deref for Values<'_> {
    type Target = [Scalar<'static>];

    fn deref(&self) -> &Self::Target {
        &self.0.values
    }
}

impl Inner {
    fn find(&self, value: &Scalar<'_>) -> Option<u16> {
        let hash = hash(&self.hasher, value);
        self.codes.find(hash, |code| self.values[usize::from(*code)].is_same(value)).copied()
    }
}

fn hash(hasher: &foldhash::fast::RandomState, value: &Scalar<'_>) -> u64 {
    match value {
        Scalar::Null => hasher.hash_one(0_u8),
        Scalar::Bool(value) => hasher.hash_one((1_u8, value)),
        Scalar::Int(value) => hasher.hash_one((2_u8, value)),
        Scalar::Float(value) => hasher.hash_one((3_u8, value.to_bits())),
        Scalar::Str(text) => hasher.hash_one((4_u8, &**text)),
        Scalar::Array(text) => hasher.hash_one((5_u8, &**text)),
        Scalar::Object => hasher.hash_one(6_u8),
    }
}

fn text_bytes(value: &Scalar<'_>) -> usize {
    let text = match value {
        Scalar::Str(Cow::Owned(text)) | Scalar::Array(Cow::Owned(text)) => text.len(),
        Scalar::Str(Cow::Borrowed(text)) | Scalar::Array(Cow::Borrowed(text)) => text.len(),
        _ => 0,
    };
    text + size_of::<Scalar<'_>>()
}
