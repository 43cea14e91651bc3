//! A wall clock that tests put ahead: of one process that is about to start, or of several while they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What puts a process's clock ahead, built into this folder by the linker that Rust itself needs.
pub fn library(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/later.c");
    let library = folder.join("later.so");
    let status =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(status.unwrap().success(), "a C compiler makes the clock that tests can put ahead");
    library
}

/// One clock for all processes that have its environment, and for those that they start.
pub struct SharedClock {
    library: PathBuf,
    file: PathBuf,
}

impl SharedClock {
    /// A clock that goes as the real one does, with its files in this folder.
    pub fn new(folder: &Path) -> Self {
        let clock = Self { library: library(folder), file: folder.join("later") };
        fs::write(&clock.file, 0_i64.to_ne_bytes()).unwrap();
        clock
    }

    /// What a process needs to go by it.
    pub fn environment(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", self.library.to_str().unwrap()), ("LATER_FILE", self.file.to_str().unwrap())]
    }

    /// Puts it that many seconds ahead of the real one, at once for everybody.
    pub fn put_ahead(&self, seconds: i64) {
        // Never shorter than it was: who has it mapped would be ended.
        fs::OpenOptions::new()
            .write(true)
            .open(&self.file)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &seconds.to_ne_bytes()))
            .unwrap();
    }
}
