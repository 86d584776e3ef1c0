//! What a test found in one segment.

use crate::store::Bitmap;

/// A set of rows of one segment; the two common extremes cost nothing.
#[derive(Debug, Clone)]
pub(super) enum Mask {
    /// No row.
    None,
    /// Every row.
    All,
    /// The rows of a bitmap.
    Some(Bitmap),
}

impl Mask {
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, mask) | (mask, Self::All) => mask,
            (Self::Some(mut left), Self::Some(right)) => {
                left.and(&right);
                Self::Some(left)
            }
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, mask) | (mask, Self::None) => mask,
            (Self::Some(mut left), Self::Some(right)) => {
                left.or(&right);
                Self::Some(left)
            }
        }
    }

    pub(super) fn is_none(&self) -> bool {
        match self {
            Self::None => true,
            Self::All => false,
            Self::Some(rows) => rows.is_empty(),
        }
    }

    pub(super) fn contains(&self, offset: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(rows) => rows.contains(offset),
        }
    }
}

/// The rows for which a condition is true, and those for which it is false; it is undefined for
/// the others.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) yes: Mask,
    pub(super) no: Mask,
}

impl Found {
    pub(super) fn not(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self { yes: self.yes.and(other.yes), no: self.no.or(other.no) }
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

/// Which side of [`Found`] somebody will look at; the other may be left empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Yes,
    No,
    Both,
}

impl Want {
    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Both => Self::Both,
        }
    }

    pub(super) fn yes(self) -> bool {
        self != Self::No
    }

    pub(super) fn no(self) -> bool {
        self != Self::Yes
    }
}
