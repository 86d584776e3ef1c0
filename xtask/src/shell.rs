//! Running other programs: their output is the user's, their failure is ours.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What every command gives: nothing, or a message for the user.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The folder that holds the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable at run time; asking then and not at compile time lets several
    // checkouts share a target folder.
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let folder = manifest.as_deref().and_then(|xtask| xtask.parent()).map(PathBuf::from);
    folder.unwrap_or_else(|| PathBuf::from("."))
}

/// Cargo, in the workspace, with the words of `line`.
pub(crate) fn cargo(line: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(line.split_whitespace());
    // What `cargo run` says about this program would reach build scripts as if about theirs.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `command` with its output shown.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let shown = show(command);
    let status = command.status().map_err(|error| format!("cannot run `{shown}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})")) }
}

/// Runs `command` and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run `{shown}`: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{shown}` failed ({})\n{}", output.status, complaint.trim_end()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command as it would be typed, a program given as text cut to its first line.
fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let program = program.to_string_lossy().into_owned();
    let words = command.get_args().map(|word| {
        let word = word.to_string_lossy();
        match word.split_once('\n') {
            Some((first, _)) => format!("{first}..."),
            None => word.into_owned(),
        }
    });
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}
