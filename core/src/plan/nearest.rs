//! The path that was probably meant by one that no twin has.

use super::bind::is_stamped;
use crate::query::ast::{Path, Segment};
use crate::query::similar;
use crate::twin::{PathId, PathTable};

/// The path whose keys differ least from those of `path`, as far as twins have it: for
/// `tags.locaton.x` it is `tags.location` if nothing like `x` is in there. `exists` says whether a
/// twin has a place. `None` if no key is similar.
#[must_use]
pub fn nearest(
    path: &Path,
    paths: &PathTable,
    exists: &mut dyn FnMut(PathId) -> bool,
) -> Option<Path> {
    let mut place = PathId::ROOT;
    let mut segments = Vec::new();
    let (mut is_changed, mut is_metadata) = (false, false);
    for (position, segment) in path.segments.iter().enumerate() {
        let key = match segment {
            Segment::Key(key) if key == "$metadata" && is_stamped(place) => {
                is_metadata = true;
                segments.push(segment.clone());
                continue;
            }
            Segment::Key(key) if !is_metadata || !key.starts_with("$lastUpdated") => key,
            // What is in arrays, and what each object of metadata has, is no place of its own.
            _ => {
                segments.extend_from_slice(&path.segments[position..]);
                break;
            }
        };
        let (key, next) = match paths.child(place, key).filter(|child| exists(*child)) {
            Some(child) => (key.clone(), child),
            None => match sibling(key, place, paths, exists) {
                Some(found) => {
                    is_changed = true;
                    found
                }
                None => break,
            },
        };
        segments.push(Segment::Key(key));
        place = next;
    }
    is_changed.then_some(Path { segments, span: path.span })
}

/// The key in `parent` that differs least from `key`, and its place.
fn sibling(
    key: &str,
    parent: PathId,
    paths: &PathTable,
    exists: &mut dyn FnMut(PathId) -> bool,
) -> Option<(String, PathId)> {
    let paths = paths.read();
    let children: Vec<PathId> =
        paths.children(parent).iter().copied().filter(|child| exists(*child)).collect();
    let found = similar(key, children.iter().map(|child| paths.key(*child)))?;
    Some((found.to_owned(), paths.child(parent, found)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::ast::ExprKind;
    use crate::query::parse_condition;

    #[test]
    fn a_slip_in_any_key_is_mended() {
        let paths = PathTable::new();
        let intern = |parent, key| paths.intern(parent, key).unwrap();
        intern(PathId::TAGS, "building");
        let location = intern(PathId::TAGS, "location");
        intern(location, "my-room");
        intern(PathId::REPORTED, "temperature");
        intern(PathId::TAGS, "f");
        let gone = intern(PathId::TAGS, "gone");
        let check = |text: &str, expected: Option<&str>| {
            let condition = parse_condition(text).unwrap();
            let Some(ExprKind::Path(path)) = condition.filter.map(|filter| filter.kind) else {
                panic!("{text} is a path");
            };
            let found = nearest(&path, &paths, &mut |place| place != gone);
            assert_eq!(found.map(|path| path.to_string()).as_deref(), expected, "{text}");
        };
        check("tags.bulding", Some("tags.building"));
        check("tags.Building", Some("tags.building"));
        check("tags.locaton.[[my-rom]]", Some("tags.location.[[my-room]]"));
        check("tags.locaton.nothing", Some("tags.location"));
        check("tags.location.nothing", None);
        check("tags.bulding[2].x", Some("tags.building[2].x"));
        check("properties.reported.temperatur", Some("properties.reported.temperature"));
        check(
            "properties.reported.$metadata.tempreature.$lastUpdated",
            Some("properties.reported.$metadata.temperature.$lastUpdated"),
        );
        check("tags.g", None);
        check("tags.gonee", None);
        check("tags.[[höhe]]", None);
        check("tags", None);
    }
}
