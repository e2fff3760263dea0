//! What the desktop program shows to the loader.

use std::path::Path;
use std::process::Command;

use super::Finding;
use crate::failure::Failure;
use crate::step;

/// WebKitGTK links the system's SQLite: if our program exported SQLCipher's symbols, the loader
/// would bind WebKit to them.
pub(super) fn check(program: &Path) -> Result<Vec<Finding>, Failure> {
    let mut command = Command::new("nm");
    command.args(["-D", "--defined-only"]).arg(program);
    let symbols = step::output("nm", command)?;
    Ok(exported(&symbols)
        .into_iter()
        .map(|symbol| Finding::new(program.display().to_string(), format!("exports {symbol}")))
        .collect())
}

fn exported(symbols: &str) -> Vec<&str> {
    symbols
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|symbol| symbol.starts_with("sqlite3") || symbol.starts_with("sqlcipher"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn exported_symbols_of_sqlite_are_found() {
        let symbols =
            "0000000000001000 T main\n0000000000002000 T sqlite3_open_v2\n0000 B sqlcipher_x\n";
        assert_eq!(super::exported(symbols), ["sqlite3_open_v2", "sqlcipher_x"]);
    }
}
