//! Documents point at files that are there.

use super::source::{files, name, read};
use crate::root;

#[test]
fn links_lead_somewhere() {
    let own = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let documents = own.iter().map(|name| root().join(name)).chain(files("docs", "md"));
    for document in documents {
        let text = read(&document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let target = document.parent().map(|folder| folder.join(file));
            assert!(
                target.is_some_and(|target| target.exists()),
                "{} links to {link}, which is not there",
                name(&document)
            );
        }
    }
}
