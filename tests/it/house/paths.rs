//! The paths that a Rust file names, `crate::`, `self::` and `super::` resolved.

/// Every path in `code` that starts at the crate or at the module `module`, from the crate on.
///
/// `use crate::{a, b::C}` gives `[a]` and `[b, C]`; a glob ends in `*`. Modules inside the file
/// are followed, so `super` means there what it means to the compiler.
pub(crate) fn paths(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    // The module that each open brace belongs to; the file's own stands at the bottom.
    let mut modules = vec![module.to_vec()];
    let mut at = 0;
    while at < tokens.len() {
        let starts_path = at == 0 || tokens[at - 1] != "::";
        match tokens[at] {
            "mod" if tokens.get(at + 2) == Some(&"{") => {
                let mut inner = innermost(&modules);
                inner.push(tokens[at + 1].to_owned());
                modules.push(inner);
                at += 3;
            }
            "{" => {
                modules.push(innermost(&modules));
                at += 1;
            }
            "}" => {
                if modules.len() > 1 {
                    modules.pop();
                }
                at += 1;
            }
            "crate" | "self" | "super" if starts_path && tokens.get(at + 1) == Some(&"::") => {
                let before = base(tokens[at], &innermost(&modules));
                at = tree(&tokens, at + 2, before, &mut found);
            }
            _ => at += 1,
        }
    }
    found
}

fn innermost(modules: &[Vec<String>]) -> Vec<String> {
    modules.last().cloned().unwrap_or_default()
}

fn base(word: &str, module: &[String]) -> Vec<String> {
    match word {
        "crate" => Vec::new(),
        "super" => module[..module.len().saturating_sub(1)].to_vec(),
        _ => module.to_vec(),
    }
}

/// Reads what follows a `::` and gives the position after it.
fn tree(
    tokens: &[&str],
    mut at: usize,
    mut path: Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    loop {
        match tokens.get(at) {
            Some(&"{") => {
                at += 1;
                while let Some(&token) = tokens.get(at) {
                    match token {
                        "}" => return at + 1,
                        "," => at += 1,
                        _ => at = tree(tokens, at, path.clone(), found),
                    }
                }
                return at;
            }
            Some(&"super") => {
                path.pop();
            }
            Some(&"self") => {}
            Some(&word) if word == "*" || is_word(word) => path.push(word.to_owned()),
            // `A::<T>`: what stood before is the path.
            _ => {
                found.push(path);
                return at;
            }
        }
        at += 1;
        if tokens.get(at) == Some(&"::") {
            at += 1;
            continue;
        }
        found.push(path);
        // `as name` gives a new name to what was found already.
        return if tokens.get(at) == Some(&"as") { at + 2 } else { at };
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Words, `::`, and single other characters.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word =
            rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            word => word,
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

#[test]
fn paths_are_resolved() {
    let code = "
        use crate::{error::Result, twin::{self, Scalar as S}, *};
        pub(crate) fn f(x: super::super::plan::Plan) -> Vec<self::inner::A::<u8>> {
            mod inside { use super::{edit, super::row}; }
            { super::last(crate::limits::PATHS) }
        }";
    let module = ["store".to_owned(), "column".to_owned()];
    let found: Vec<String> = paths(code, &module).iter().map(|path| path.join("::")).collect();
    let expected = [
        "error::Result",
        "twin",
        "twin::Scalar",
        "*",
        "plan::Plan",
        "store::column::inner::A",
        "store::column::edit",
        "store::row",
        "store::last",
        "limits::PATHS",
    ];
    assert_eq!(found, expected);
}
