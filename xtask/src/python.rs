//! The Python side's tools: an interpreter, a virtual environment, the package built into it.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use crate::shell::{Outcome, cargo, output, root, run};

/// The oldest Python that the package supports.
const OLDEST: (u32, u32) = (3, 11);
const NAMES: [&str; 4] = ["python3.13", "python3.12", "python3.11", "python3"];

/// Prints what the package needs to be built, to be built and tested, and to be built and compared
/// with others: a line each, parted by tabs.
const REQUIREMENTS: &str = "\
import tomllib
read = lambda file: tomllib.load(open(file, 'rb'))
package, compare = read('pyproject.toml'), read('../benches/compare/pyproject.toml')
build = package['build-system']['requires']
test = package['project']['optional-dependencies']['test']
print(*build, sep='\\t')
print(*build, *test, sep='\\t')
print(*build, *compare['project']['dependencies'], sep='\\t')
";

/// What an environment is for: how much is installed in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building and using the package.
    Build,
    /// Testing it, too.
    Test,
    /// Comparing it with other systems, which need an environment apart.
    Compare,
}

impl Purpose {
    fn folder(self) -> &'static str {
        match self {
            Self::Build | Self::Test => ".venv",
            Self::Compare => "benches/compare/.venv",
        }
    }
}

/// How the package is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As the Rust tests are, sharing what they compiled.
    Dev,
    /// As users get it.
    Release,
}

/// A virtual environment.
pub(crate) struct Environment {
    folder: PathBuf,
}

/// Makes the environment if it is not there, and installs what `purpose` needs if it changed.
pub(crate) fn environment(purpose: Purpose) -> Outcome<Environment> {
    let environment = Environment { folder: root().join(purpose.folder()) };
    // A folder without a working interpreter is left over from an interrupted run, or its
    // Python was removed.
    if output(environment.python().args(["-m", "pip", "--version"])).is_err() {
        let interpreter = find()?;
        println!("making {} with {interpreter}", purpose.folder());
        run(Command::new(interpreter).args(["-m", "venv", "--clear"]).arg(&environment.folder))?;
    }
    environment.install(purpose)?;
    Ok(environment)
}

impl Environment {
    /// The interpreter, in the workspace.
    pub(crate) fn python(&self) -> Command {
        let mut command = Command::new(self.tool("python"));
        command.current_dir(root());
        command
    }

    /// The interpreter, with the package's folder as the working folder.
    pub(crate) fn python_in_package(&self) -> Command {
        let mut command = self.python();
        command.current_dir(root().join("py"));
        command
    }

    /// Cargo for the whole workspace, whose Python side asks this interpreter what it is.
    pub(crate) fn cargo(&self, line: &str) -> Command {
        let mut command = cargo(line);
        command.env("PYO3_PYTHON", self.tool("python"));
        command
    }

    /// Builds the package and installs it here.
    pub(crate) fn develop(&self, profile: Profile) -> Outcome {
        let mut command = Command::new(self.tool("maturin"));
        command.current_dir(root().join("py")).args(["develop", "--locked"]);
        if profile == Profile::Release {
            command.arg("--release");
        }
        run(command.env("VIRTUAL_ENV", &self.folder).env_remove("CONDA_PREFIX"))
    }

    /// Builds the wheel that users get and installs that.
    ///
    /// `develop` leaves the library among the sources, where the next build of any environment
    /// replaces it: a comparison would measure what a test had just built for itself.
    pub(crate) fn install_wheel(&self) -> Outcome {
        let wheels = root().join("target/wheels/compare");
        if wheels.exists() {
            fs::remove_dir_all(&wheels)
                .map_err(|error| format!("cannot empty {}: {error}", wheels.display()))?;
        }
        let mut build = Command::new(self.tool("maturin"));
        build.current_dir(root().join("py")).args(["build", "--locked", "--release", "--out"]);
        run(build.arg(&wheels).arg("--interpreter").arg(self.tool("python")))?;
        let mut pip = self.python();
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--force-reinstall", "--no-deps", "--no-index", "--find-links"]);
        run(pip.arg(&wheels).arg("twincast"))
    }

    /// Installs what `purpose` asks for, unless that was done before.
    fn install(&self, purpose: Purpose) -> Outcome {
        let wanted = output(self.python_in_package().args(["-c", REQUIREMENTS]))?;
        let mut kinds = wanted.lines();
        let wanted = match purpose {
            Purpose::Build => kinds.next(),
            Purpose::Test => kinds.nth(1),
            Purpose::Compare => kinds.nth(2),
        };
        let wanted = wanted.unwrap_or_default();
        let stamp = self.folder.join("installed.txt");
        let installed = fs::read_to_string(&stamp).unwrap_or_default();
        if wanted.split('\t').all(|one| installed.lines().any(|known| known == one)) {
            return Ok(());
        }
        println!("installing into {}: {}", purpose.folder(), wanted.replace('\t', ", "));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(self.python().args(pip).args(wanted.split('\t')))?;
        fs::write(&stamp, installed + &wanted.replace('\t', "\n") + "\n")
            .map_err(|error| format!("cannot write {}: {error}", stamp.display()))
    }

    fn tool(&self, name: &str) -> PathBuf {
        let programs = if cfg!(windows) { "Scripts" } else { "bin" };
        self.folder.join(programs).join(name).with_extension(env::consts::EXE_EXTENSION)
    }
}

/// Finds an interpreter that is new enough and can make environments.
fn find() -> Outcome<String> {
    let mut without_venv = None;
    let named = env::var("PYTHON").ok();
    for name in named.iter().map(String::as_str).chain(NAMES) {
        // A name may be there and not run: version managers put such stand-ins on the path.
        let Some(version) = version(name) else { continue };
        if version < OLDEST {
            continue;
        }
        if output(Command::new(name).args(["-c", "import venv, ensurepip"])).is_ok() {
            return Ok(name.to_owned());
        }
        without_venv.get_or_insert((name.to_owned(), version));
    }
    let (major, minor) = OLDEST;
    Err(match without_venv {
        Some((name, (major, minor))) => format!(
            "{name} cannot make virtual environments; install the package python{major}.{minor}-venv \
             (Debian, Ubuntu: `apt-get install python3-venv`)"
        ),
        None => format!(
            "no Python {major}.{minor} or newer found (tried {}); install one \
             (Debian, Ubuntu: `apt-get install python3 python3-venv`), or name it in PYTHON",
            NAMES.join(", ")
        ),
    })
}

fn version(name: &str) -> Option<(u32, u32)> {
    let show = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let text = output(Command::new(name).args(["-c", show])).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
