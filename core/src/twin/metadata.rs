//! `$metadata`: when, and by which version, each place of a section was last written.

use super::document::Stamp;
use super::path::PathId;
use super::places::{Found, Seen};
use super::rules::Violation;
use super::shape::Step;
use super::size::text_size;
use super::walk::Walk;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::limits;

/// `$metadata` has an object also for each value, so it is one level deeper than the values.
const DEPTH: usize = limits::TWIN_DEPTH + 1;

/// The places met in one `$metadata`.
#[derive(Default)]
struct Met {
    paths: Vec<PathId>,
    seen: Seen,
    /// The size of all keys: no more than the section can hold, since each gets a number.
    keys: u64,
}

impl Walk<'_, '_> {
    /// Reads the `$metadata` of the section at `root` into stamps.
    pub(super) fn metadata(&mut self, root: PathId) -> Result<()> {
        self.metadata_once(root)?;
        self.stamps_below(root, 0, &mut Met::default())
    }

    fn stamps_below(&mut self, path: PathId, level: usize, met: &mut Met) -> Result<()> {
        if !self.scan.take(b'{') {
            return Err(self.in_metadata(path, "must be an object"));
        }
        if level > DEPTH {
            let broken = self.violated(Violation::Depth, path);
            return Err(broken.context("`$metadata`"));
        }
        let (mut updated, mut version, mut has_version) = (None, None, false);
        let position = self.stamps.len();
        let mut cursor = 0;
        let mut members = !self.scan.take(b'}');
        while members {
            let expected = self.places.expected(&mut self.scan, path, &mut cursor);
            if let Some((found, key_size)) = expected {
                self.stamped_member(path, found, key_size, level, met)?;
            } else {
                let key = self.scan.key()?;
                match &*key {
                    "$lastUpdated" if updated.is_some() => {
                        return Err(self.in_metadata(path, "has two `$lastUpdated`"));
                    }
                    "$lastUpdated" => updated = Some(self.stamp_time(path)?),
                    "$lastUpdatedVersion" if has_version => {
                        return Err(self.in_metadata(path, "has two `$lastUpdatedVersion`"));
                    }
                    "$lastUpdatedVersion" => {
                        version = self.stamp_version(path)?;
                        has_version = true;
                    }
                    _ => {
                        let found = match self.places.find(path, &key, &mut cursor) {
                            Some(found) => found,
                            None => self.new_member(path, &key)?,
                        };
                        self.stamped_member(path, found, text_size(&key), level, met)?;
                    }
                }
            }
            members = self.scan.more(b'}')?;
        }
        if let Some(updated) = updated {
            let stamp = Stamp { path, updated, version };
            // `$lastUpdated` comes last only in hand-made twins.
            self.stamps.insert(position, stamp);
        }
        Ok(())
    }

    /// Reads the stamps of a member of the object at `path`, whose key was taken.
    fn stamped_member(
        &mut self,
        path: PathId,
        found: Found,
        key_size: u64,
        level: usize,
        met: &mut Met,
    ) -> Result<()> {
        met.keys += key_size;
        if met.keys > self.size_limit {
            return Err(self.in_metadata(path, "has more keys than a section can hold"));
        }
        if met.seen.again(found, met.paths.iter().copied()) {
            return Err(self.in_metadata(found.path, "is given twice"));
        }
        met.paths.push(found.path);
        self.stamps_below(found.path, level + 1, met)
    }

    pub(super) fn stamp_time(&mut self, path: PathId) -> Result<Timestamp> {
        if self.scan.peek() != b'"' {
            return Err(self.in_metadata(path, "must have a time as `$lastUpdated`"));
        }
        let start = self.scan.position();
        let text = self.scan.string()?;
        let time = Timestamp::parse(&text).map_err(|error| {
            error.context(format!("`$lastUpdated` of `{}`", self.places.display(path)))
        })?;
        self.note(Step::Updated(path), start, 0, 0);
        Ok(time)
    }

    pub(super) fn stamp_version(&mut self, path: PathId) -> Result<Option<i64>> {
        if self.scan.peek() == b'n' {
            self.scan.word("null")?;
            return Ok(None);
        }
        let start = self.scan.position();
        let version = self
            .integer_from(path, 0)
            .map_err(|error| error.context("`$lastUpdatedVersion` in `$metadata`"))?;
        self.note(Step::UpdatedVersion(path), start, 0, 0);
        Ok(Some(version))
    }

    #[cold]
    fn in_metadata(&mut self, path: PathId, what: &str) -> Error {
        Error::invalid(format!("`$metadata`: `{}` {what}", self.places.display(path)))
    }
}
