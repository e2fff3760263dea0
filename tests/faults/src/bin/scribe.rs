//! `faults-scribe CACHE SEED PUTS PAGES`: writes into the cache until it fails or is killed, and
//! says each deed before and after it.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use faults::scribe::{Scribe, SoFar, Word};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, seed, puts, pages] = words.as_slice() else {
        eprintln!("faults-scribe CACHE SEED PUTS PAGES");
        return ExitCode::FAILURE;
    };
    let (Ok(seed), Ok(puts), Ok(pages)) = (seed.parse(), puts.parse(), pages.parse()) else {
        eprintln!("SEED, PUTS and PAGES are numbers");
        return ExitCode::FAILURE;
    };
    match Scribe::open(Path::new(path), seed, SoFar { puts, pages }) {
        Ok(scribe) => write(scribe),
        Err(error) => say(&Word::Failed(error.code().to_owned())),
    }
    ExitCode::SUCCESS
}

fn write(mut scribe: Scribe) {
    loop {
        let deed = scribe.choose();
        say(&Word::Begin(deed.clone()));
        match scribe.act(&deed) {
            Ok(()) => say(&Word::Done),
            Err(error) => return say(&Word::Failed(error.code().to_owned())),
        }
    }
}

/// Nobody listening: then nobody is told, which is what being killed is like.
fn say(word: &Word) {
    let mut out = std::io::stdout().lock();
    let _ = serde_json::to_writer(&mut out, word);
    let _ = out.write_all(b"\n");
    let _ = out.flush();
}
