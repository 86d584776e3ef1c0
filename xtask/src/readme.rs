//! What the README promises, done: its commands run, its Python examples print what they say.
//!
//! Its Rust examples are doc tests of `twincast-tests-support`.

use std::fs;

use crate::engine;
use crate::python::Environment;
use crate::shell::{Outcome, output, root};

/// Devices of the demo here; the README's own number is for a person who wants to see speed.
const DEVICES: &str = "20000";

/// Runs `./x run`, then each Python example on what that built.
pub(crate) fn check(python: &Environment) -> Outcome {
    let file = root().join("README.md");
    let text = fs::read_to_string(&file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let blocks = blocks(&text);
    commands(&blocks)?;
    engine::run(&["--devices", DEVICES])?;

    let mut examples = 0;
    for (position, block) in blocks.iter().enumerate().filter(|(_, block)| block.tag == "python") {
        let printed = output(python.python().args(["-W", "error", "-c", &block.text]))
            .map_err(|error| format!("README.md:{}: {error}", block.line))?;
        let expected = blocks.get(position + 1).filter(|next| next.tag == "text");
        if expected.is_some_and(|expected| expected.text.trim_end() != printed.trim_end()) {
            return Err(format!("README.md:{}: the example prints\n{printed}", block.line));
        }
        examples += 1;
    }
    if examples == 0 {
        return Err("README.md has no Python example".to_owned());
    }
    println!("README.md: `./x run` and {examples} Python examples do what they say");
    Ok(())
}

/// What the README may tell people to run: all of it has been run when this is reached, since the
/// test begins as `./x setup` does, and `./x run` follows.
const COMMANDS: [&str; 3] = ["./x run", "./x setup", "./x test"];

/// The README must show these commands, and no others, which nobody would try.
fn commands(blocks: &[Block]) -> Outcome {
    let shown: Vec<&str> = blocks
        .iter()
        .filter(|block| block.tag == "sh")
        .flat_map(|block| block.text.lines())
        .filter_map(|line| line.split('#').next().map(str::trim))
        .collect();
    if let Some(missing) = COMMANDS.iter().find(|command| !shown.contains(command)) {
        return Err(format!("README.md does not show `{missing}`"));
    }
    match shown.iter().find(|command| !COMMANDS.contains(command)) {
        Some(unknown) => Err(format!("README.md shows `{unknown}`, which is not tried here")),
        None => Ok(()),
    }
}

/// A fenced block.
struct Block {
    tag: String,
    line: usize,
    text: String,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in markdown.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(tag)) => {
                open = Some(Block { tag: tag.to_owned(), line: number + 1, text: String::new() });
            }
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn blocks_know_their_tag_line_and_text() {
        let found = blocks("a\n```python\nprint(1)\n```\n```text\n1\n```\n");
        let found: Vec<_> =
            found.iter().map(|b| (b.tag.as_str(), b.line, b.text.as_str())).collect();
        assert_eq!(found, [("python", 2, "print(1)\n"), ("text", 5, "1\n")]);
    }
}
