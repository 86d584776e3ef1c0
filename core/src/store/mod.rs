//! Twins as columns: what is stored where, and how it changes.
//!
//! Rows are numbered once and never again; 65,536 of them make a [`Segment`]. In a segment, the
//! values of one path are a [`Column`] in the cheapest encoding that holds them. Readers take a
//! [`View`]: shared pointers to the columns they name, all of one moment; then they read without
//! a lock. A writer copies a column only while a reader still holds it.

mod batch;
mod bitmap;
mod bulk;
mod column;
mod dictionary;
mod ids;
mod import;
mod index;
mod layout;
mod memory;
mod rejection;
mod row;
mod segment;
mod sizes;
#[expect(clippy::module_inception, reason = "the store is the idea of this room")]
mod store;
mod threads;
mod twin;
mod view;

pub use batch::Batch;
pub use bitmap::{Bitmap, Bits};
pub use column::{Codes, Column, Deltas, Linear, LinearKind, Plain};
pub use dictionary::Dictionary;
pub use ids::Ids;
pub use import::{BuiltSegment, ClaimedSegment};
pub use layout::{Layout, Node};
pub use memory::MemoryPart;
pub use rejection::Rejection;
pub use row::{ColumnKey, Facet, Row, SEGMENT_ROWS};
pub use segment::Segment;
pub use store::{Store, StoreId};
pub use twin::{etag_of, matches_etag};
pub use view::{SegmentView, View};

pub(crate) use threads::on_all_threads;
